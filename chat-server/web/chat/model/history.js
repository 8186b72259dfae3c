// Gets what was said before from the server, a page at a time.

const PAGE = 50;
const TRY_AGAIN_MS = 2_000;

export class History {
  // Called with a conversation that has got messages.
  onLoaded = () => {};

  #connection;
  #toMessage;
  #loading = new Set();

  // `toMessage` makes a message of what the server says of one.
  constructor(connection, toMessage) {
    this.#connection = connection;
    this.#toMessage = toMessage;
  }

  // Sees to it that the newest page of a conversation is there.
  open(conversation) {
    if (!conversation.loaded) this.earlier(conversation);
  }

  isLoading(conversation) {
    return this.#loading.has(conversation);
  }

  // The page before what is there. One request at a time for each conversation.
  async earlier(conversation) {
    if (this.isLoading(conversation) || (conversation.loaded && !conversation.more)) return;
    this.#loading.add(conversation);
    const { messages, address } = conversation;
    await this.#connection.connected();
    const answer = await this.#ask(address, messages.oldest ?? undefined);
    this.#loading.delete(conversation);
    // The log has begun anew meanwhile, and the conversation with it.
    if (conversation.messages !== messages) return this.open(conversation);
    if (!answer) return void setTimeout(() => this.earlier(conversation), TRY_AGAIN_MS);
    conversation.loaded = true;
    if (answer.error) {
      conversation.more = false;
    } else {
      messages.addPage(answer.texts.map(this.#toMessage));
      conversation.more = answer.more;
    }
    this.onLoaded(conversation);
  }

  // Gets a page with texts, if there is one. Events of an application are nothing that this page shows.
  async #ask(address, before) {
    for (;;) {
      const answer = await this.#connection.ask("history", { ...address, before, limit: PAGE });
      if (!answer || answer.error) return answer;
      const texts = answer.messages.filter(({ event }) => event === undefined);
      if (texts.length > 0 || !answer.more) return { texts, more: answer.more };
      before = answer.messages[0].offset;
    }
  }
}
