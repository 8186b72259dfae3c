// A plain page: a list, a field, and who is there.

import { createChat } from "chat-client";
import { io } from "socket.io-client";

const list = document.getElementById("messages");
const form = document.getElementById("form");
const status = document.getElementById("status");

const chat = createChat({ io, url: document.body.dataset.chat });

chat.subscribe(() => requestAnimationFrame(draw));
chat.start();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  chat.send(chat.snapshot().open.id, form.elements.text.value);
  form.reset();
});

function draw() {
  const { open, connection } = chat.snapshot();
  status.textContent = `${connection.state}, ${open.users ?? "?"} here`;
  const rows = [...open.messages.map(asRow), ...open.waiting.map(asWaitingRow)];
  list.replaceChildren(...rows);
}

function asRow({ from, content }) {
  const row = document.createElement("li");
  row.textContent = `${from ?? "Somebody"}: ${content}`;
  return row;
}

function asWaitingRow({ content, state }) {
  const row = document.createElement("li");
  row.textContent = `${content} (${state})`;
  return row;
}
