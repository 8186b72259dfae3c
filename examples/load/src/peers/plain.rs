//! Plain socketioxide as its documentation shows it: no store, a broadcast, an ack.

mod serve;

use serve::{EVERYBODY, Handshake, Options};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef, TryData};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef, TryData::<Handshake>(auth)| {
        socket.join(auth.unwrap_or_default().rooms);
        socket.on("chat message", chat_message);
    });
    serve::serve(layer).await
}

async fn chat_message(
    io: SocketIo,
    Data((content, _, options)): Data<(String, String, Options)>,
    ack: AckSender,
) {
    // What does not fit into the buffer of a receiver is lost: there is nothing else to do about it
    // here.
    let _ = match &*options.room {
        EVERYBODY => io.emit("chat message", &(content,)).await,
        _ => io.to(options.room).emit("chat message", &(content,)).await,
    };
    let _ = ack.send(&());
}
