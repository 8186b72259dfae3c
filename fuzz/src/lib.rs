//! What the fuzz targets have in common: how they cut their input, and how they measure themselves.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The input of a target, taken from its beginning.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Takes a byte; 0 if none is left.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// Takes up to this many bytes.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// Takes up to seven places at which to cut something, to be given to [`parts`].
    pub fn cuts(&mut self) -> Vec<u16> {
        let count = self.byte() % 8;
        (0..count).map(|_| u16::from_be_bytes([self.byte(), self.byte()])).collect()
    }

    /// Takes a text: a long one from little input. Its middle byte is repeated as its first byte says.
    pub fn long(&mut self) -> Vec<u8> {
        let (length, repeat) = (self.byte(), self.byte());
        let bytes = self.bytes(length.into());
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        let middle = tail.first().copied().into_iter();
        let repeat = if repeat < 128 { 0 } else { usize::from(repeat - 127) * 200 };
        let middle = middle.flat_map(|byte| std::iter::repeat_n(byte, repeat));
        head.iter().copied().chain(middle).chain(tail.iter().copied()).collect()
    }
}

/// Returns these bytes in parts.
pub fn parts<'a>(bytes: &'a [u8], cuts: &[u16]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|&cut| usize::from(cut) % (bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect()
}

/// Runs a target. With `CHAT_FUZZ_TIMES` in the environment, writes each input that took longer than all before it,
/// in total or per byte, to the standard error. Short inputs, which cost most of what they cost anyway, are not
/// counted per byte.
pub fn timed(data: &[u8], run: impl FnOnce()) {
    const SHORT: usize = 64;
    static LONGEST: Mutex<(Duration, f64)> = Mutex::new((Duration::ZERO, 0.0));
    if std::env::var_os("CHAT_FUZZ_TIMES").is_none() {
        return run();
    }
    let start = Instant::now();
    run();
    let took = start.elapsed();
    let per_byte = took.as_nanos() as f64 / data.len().max(1) as f64;
    let mut longest = LONGEST.lock().unwrap();
    if took > longest.0 {
        longest.0 = took;
        eprintln!("longest: {took:?} for {} bytes", data.len());
    }
    if data.len() >= SHORT && per_byte > longest.1 {
        longest.1 = per_byte;
        eprintln!("longest per byte: {per_byte:.0} ns, {took:?} for {} bytes", data.len());
    }
}
