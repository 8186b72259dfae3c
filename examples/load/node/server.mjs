// The server of the Socket.IO chat tutorial after its steps 7 and 8, with the rooms that measuring needs.
//
//   node server.mjs FILE     keeps its messages in an SQLite file

import { createServer } from "node:http";
import { open } from "sqlite";
import sqlite3 from "sqlite3";
import { Server } from "socket.io";

// What is sent to this room goes to everybody.
const EVERYBODY = "general";

const database = await open({ filename: process.argv[2], driver: sqlite3.Database });
await database.exec(`CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  client_offset TEXT UNIQUE,
  content TEXT
)`);

const http = createServer();
const io = new Server(http, { connectionStateRecovery: {} });

io.on("connection", async (socket) => {
  const { serverOffset = 0, rooms = [] } = socket.handshake.auth;
  socket.join(rooms);

  socket.on("chat message", async (content, clientOffset, { room }, acknowledge) => {
    let stored;
    try {
      stored = await database.run(
        "INSERT INTO messages (content, client_offset) VALUES (?, ?)", content, clientOffset);
    } catch (error) {
      // A key that is there already: the message is stored, and only the ack was lost.
      if (error.errno === sqlite3.CONSTRAINT) acknowledge();
      return;
    }
    const receivers = room === EVERYBODY ? io : io.to(room);
    receivers.emit("chat message", content, stored.lastID);
    acknowledge();
  });

  if (!socket.recovered) {
    await database.each(
      "SELECT id, content FROM messages WHERE id > ?", [serverOffset],
      (_error, row) => socket.emit("chat message", row.content, row.id));
  }
});

http.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}`);
});
