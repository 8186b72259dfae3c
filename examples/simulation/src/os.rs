//! What a run takes from the operating system: random numbers from its seed, and the simulated time of day.
#![expect(unsafe_code, reason = "replaces functions of C, and forks")]

use std::ffi::c_void;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::rng::Rng;

/// The state of the generator, which [`replace`] seeds.
static RANDOM: AtomicU64 = AtomicU64::new(0);
static REPLACED: AtomicBool = AtomicBool::new(false);

/// The time of day at which every run begins, in seconds since 1970.
const EPOCH: u64 = 1_800_000_000;

std::thread_local! {
    static BEGAN: std::cell::Cell<Option<Instant>> = const { std::cell::Cell::new(None) };
}

/// Makes this process take its random numbers from a seed.
pub(crate) fn replace(seed: u64) {
    RANDOM.store(seed, Ordering::Relaxed);
    REPLACED.store(true, Ordering::Relaxed);
}

/// Makes the time of day follow the clock of the runtime from now on.
pub(crate) fn begin() {
    BEGAN.set(Some(Instant::now()));
}

/// Replaces the function of C, from which the standard library and all crates get their random numbers.
///
/// # Safety
/// As the function that it replaces: `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: u32) -> isize {
    if !REPLACED.load(Ordering::Relaxed) {
        // SAFETY: these are the arguments of the system call.
        return unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) as isize };
    }
    let mut rng = Rng::new(RANDOM.load(Ordering::Relaxed));
    let mut written = 0;
    while written < length {
        let bytes = rng.next().to_le_bytes();
        let count = bytes.len().min(length - written);
        // SAFETY: the caller has `length` bytes there, of which `written` are written.
        unsafe { buffer.cast::<u8>().add(written).copy_from(bytes.as_ptr(), count) };
        written += count;
    }
    RANDOM.store(rng.state(), Ordering::Relaxed);
    length.cast_signed()
}

/// Replaces the function of C. In a run, the time of day is simulated, and the monotonic clock stands still.
///
/// # Safety
/// As the function that it replaces: `time` can be written.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn clock_gettime(
    clock: libc::clockid_t,
    time: *mut libc::timespec,
) -> i32 {
    let now = match clock {
        _ if !REPLACED.load(Ordering::Relaxed) => None,
        libc::CLOCK_REALTIME => elapsed().map(|elapsed| Duration::from_secs(EPOCH) + elapsed),
        // It stands still: tokio counts the time of a run itself.
        libc::CLOCK_MONOTONIC => Some(Duration::from_secs(EPOCH)),
        _ => None,
    };
    let Some(now) = now else {
        // SAFETY: these are the arguments of the system call.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as i32 };
    };
    // SAFETY: the caller has room for the answer there.
    unsafe {
        (*time).tv_sec = now.as_secs().cast_signed();
        (*time).tv_nsec = i64::from(now.subsec_nanos());
    }
    0
}

fn elapsed() -> Option<Duration> {
    let began = BEGAN.try_with(std::cell::Cell::get).ok()??;
    Handle::try_current().is_ok().then(|| began.elapsed())
}

/// A process that runs on its own.
pub(crate) struct Child {
    process: libc::pid_t,
    output: PipeReader,
}

/// Runs `work` in a process of its own, which needs no more than this one's memory as it is now.
///
/// A run needs that because tokio and others draw from counters that a process never resets.
///
/// # Errors
/// When there is no room for another process.
pub(crate) fn start(work: impl FnOnce() -> Option<Vec<u8>>) -> io::Result<Child> {
    let (output, mut writer): (PipeReader, PipeWriter) = io::pipe()?;
    // SAFETY: the child has only this thread, and needs nothing of the others: the program has none.
    let process = unsafe { libc::fork() };
    if process < 0 {
        return Err(io::Error::last_os_error());
    }
    if process == 0 {
        drop(output);
        let written = writer.write_all(&work().unwrap_or_default());
        drop(writer);
        // SAFETY: ends this process, without cleaning up what belongs to the parent.
        unsafe { libc::_exit(i32::from(written.is_err())) };
    }
    Ok(Child { process, output })
}

impl Child {
    /// Waits until the process has ended, and returns its output: empty if it crashed.
    pub(crate) fn wait(mut self) -> Vec<u8> {
        let mut output = Vec::new();
        let read = self.output.read_to_end(&mut output);
        // SAFETY: this is a child of this process that nobody else waits for.
        unsafe { libc::waitpid(self.process, std::ptr::null_mut(), 0) };
        read.map(|_| output).unwrap_or_default()
    }
}
