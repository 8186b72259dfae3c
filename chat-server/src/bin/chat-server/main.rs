//! The chat server as a program. For its options see `chat-server --help`.

mod cli;
mod open_files;
mod service_manager;
mod supervisor;
mod telemetry;

use std::process::ExitCode;

use crate::cli::Cli;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // With huge pages each idle connection takes a quarter more memory. The server works without this setting, too.
    #[cfg(all(feature = "mimalloc", target_os = "linux"))]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    match cli::run(Cli::from_process()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("chat-server: {}", cli::one_line(&error));
            cli::exit_code(&error)
        }
    }
}
