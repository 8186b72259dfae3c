//! `cargo run -p own_axum_application`, then open <http://127.0.0.1:3000>.

use axum::serve::ListenerExt;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (routes, chat) = own_axum_application::application().await?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|connection| {
        connection.set_nodelay(true).ok();
    });
    let stop = async move {
        tokio::signal::ctrl_c().await.ok();
        chat.shutdown().await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(stop).await?;
    Ok(())
}
