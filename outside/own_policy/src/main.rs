//! `cargo run --manifest-path outside/Cargo.toml -p own_policy`, then connect any Socket.IO client to port 3000.

use std::sync::Arc;

use chat_server::Chat;
use chat_store::MemoryStore;
use own_policy::House;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let house = House::default();
    house.hire(&"Ada".parse()?);
    let chat = Chat::builder(Arc::new(MemoryStore::new())).policy(house).start().await?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    chat.serve_router(listener, chat.socket_router(), stop).await?;
    Ok(())
}
