//! Step 1: a web server that says hello.
//!
//! `cargo run -p tutorial_steps --bin step_1_hello_world`, then open <http://127.0.0.1:3000>.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = Router::new().route("/", get(async || Html("<h1>Hello, world</h1>")));

    // PORT=0 takes any free one.
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
