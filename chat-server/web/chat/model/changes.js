// Edits, deletions and reactions: those that arrive, and those that the reader makes.

export class Changes {
  #conversations;
  #connection;
  #identity;

  constructor(conversations, connection, identity) {
    this.#conversations = conversations;
    this.#connection = connection;
    this.#identity = identity;
  }

  // The conversation of a change that has arrived; undefined if the reader has none.
  conversation({ room, from, to }) {
    if (room !== undefined) return this.#conversations.room(room);
    return this.#conversations.withPerson(this.#identity.isMe(from) ? to : from);
  }

  edited(conversation, of, content) {
    conversation?.messages.change(of, () => ({ content, edited: true }));
  }

  deleted(conversation, of) {
    conversation?.messages.change(of, () => ({ content: "", deleted: true, reactions: [] }));
  }

  reacted(conversation, { of, on, from, user }, emoji, own = this.#identity.isMe(from)) {
    conversation?.messages.change(of, ({ reactions }) => ({ reactions: withReaction(reactions, emoji, on, user, own) }));
  }

  // Each resolves with what the server has answered; undefined if nothing.

  async edit(conversation, offset, content) {
    const answer = await this.#ask("edit message", offset, content);
    if (isDone(answer)) this.edited(conversation, offset, content);
    return answer;
  }

  async delete(conversation, offset) {
    const answer = await this.#ask("delete message", offset);
    if (isDone(answer)) this.deleted(conversation, offset);
    return answer;
  }

  async react(conversation, offset, emoji, on) {
    const answer = await this.#ask("react", offset, emoji, on);
    if (isDone(answer)) this.reacted(conversation, { of: offset, on, user: null }, emoji, true);
    return answer;
  }

  // Making a change again changes nothing: without an answer, it is asked for once more.
  async #ask(...request) {
    return (await this.#connection.ask(...request)) ?? this.#connection.ask(...request);
  }
}

function isDone(answer) {
  return answer !== undefined && !answer.error;
}

// `given` names the users of whom an event has come: history has the number only.
function withReaction(reactions, emoji, on, user, own) {
  const known = reactions.find((reaction) => reaction.emoji === emoji);
  const { count = 0, given = [] } = known ?? {};
  const wasOwn = known?.own ?? false;
  const isKnown = own ? wasOwn : user !== null && given.includes(user);
  if (on && isKnown) return reactions;
  const reaction = {
    emoji,
    count: Math.max(0, count + (on ? 1 : -1)),
    own: own ? on : wasOwn,
    given: on ? [...given, user] : given.filter((other) => other !== user),
  };
  if (own && !on && !wasOwn) return reactions;
  const others = reactions.map((other) => (other === known ? reaction : other));
  return (known ? others : [...reactions, reaction]).filter((it) => it.count > 0);
}
