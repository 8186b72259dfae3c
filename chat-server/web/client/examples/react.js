// The same with React: one line binds it.

import { createChat } from "chat-client";
import { createElement as h, useState, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { io } from "socket.io-client";

const chat = createChat({ io, url: document.body.dataset.chat });

function useChat() {
  return useSyncExternalStore(chat.subscribe, chat.snapshot);
}

function Conversation() {
  const { open, connection } = useChat();
  return h("main", null,
    h("p", { id: "status" }, `${connection.state}, ${open.users ?? "?"} here`),
    h("ol", { id: "messages" },
      open.messages.map(({ offset, from, content }) => h("li", { key: offset }, `${from ?? "Somebody"}: ${content}`)),
      open.waiting.map(({ key, content, state }) => h("li", { key }, `${content} (${state})`)),
    ),
    h(Composer, { onSend: (text) => chat.send(open.id, text) }),
  );
}

function Composer({ onSend }) {
  const [text, setText] = useState("");
  const submit = (event) => {
    event.preventDefault();
    onSend(text);
    setText("");
  };
  return h("form", { onSubmit: submit },
    h("input", { name: "text", value: text, onChange: ({ target }) => setText(target.value) }));
}

chat.start();
createRoot(document.getElementById("root")).render(h(Conversation));
