//! Step 2: the page of the chat, a part of the program. It does nothing yet.
//!
//! `cargo run -p tutorial_steps --bin step_2_serving_the_page`, then open <http://127.0.0.1:3000>.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;

/// What all pages begin with, and the page of this step.
const PAGE: &str =
    concat!(include_str!("../../pages/head.html"), include_str!("../../pages/step_2.html"));

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = Router::new().route("/", get(async || Html(PAGE)));

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
