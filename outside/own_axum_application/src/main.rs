//! `cargo run --manifest-path outside/Cargo.toml -p own_axum_application`, then open <http://127.0.0.1:3000>.

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (routes, chat) = own_axum_application::application().await?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    chat.serve_router(listener, routes, stop).await?;
    Ok(())
}
