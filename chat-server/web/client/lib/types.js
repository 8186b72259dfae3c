// The types of what the package takes and gives; nothing that runs.

/**
 * A room, or what the user and one other person write to each other: "#general", "@ada". The page and its tabs keep
 * conversations by it.
 * @typedef {string} ConversationId
 */

/**
 * How often an emoji was given to a message, and whether the user is among those who gave it.
 * @typedef {object} ReactionFields
 * @property {string} emoji
 * @property {number} count
 * @property {boolean} own
 * @property {readonly (string | null)[]} [given] the users of whom the client has heard
 */
/** @typedef {Readonly<ReactionFields>} Reaction */

/**
 * A message of the log, as it is now.
 * @typedef {object} MessageFields
 * @property {string} content empty once it is deleted
 * @property {number} offset its place in the log
 * @property {string | null} from the name of the author; `null` for nobody in particular
 * @property {string | null} user the id of the author
 * @property {number} at milliseconds since 1970
 * @property {string | null} key the author's key; only for messages of the user's own
 * @property {boolean} own
 * @property {boolean} edited
 * @property {boolean} deleted
 * @property {number | null} replyTo the offset of the message that this one answers
 * @property {readonly Reaction[]} reactions
 */
/** @typedef {Readonly<MessageFields>} Message */

/**
 * What the user has written and the server has not confirmed yet.
 * @typedef {object} WaitingFields
 * @property {string} key
 * @property {string} content
 * @property {number} at
 * @property {string | null} as the name under which it was written
 * @property {number | null} replyTo
 * @property {"pending" | "failed"} state
 * @property {Problem | null} problem why it failed
 */
/** @typedef {Readonly<WaitingFields>} Waiting */

/**
 * Why the server refuses something: a code from the README's table, and its words.
 * @typedef {object} ProblemFields
 * @property {string} code
 * @property {string} message
 * @property {number} [retryAfter] in milliseconds
 */
/** @typedef {Readonly<ProblemFields>} Problem */

/**
 * How far somebody has read a room.
 * @typedef {object} ReadMarkFields
 * @property {string | null} user
 * @property {string | null} name
 * @property {number} offset
 */
/** @typedef {Readonly<ReadMarkFields>} ReadMark */

/**
 * A conversation as it was at one moment. It never changes; another one takes its place.
 * @typedef {object} ConversationSnapshotFields
 * @property {ConversationId} id
 * @property {"room" | "person"} kind
 * @property {string} name
 * @property {readonly Message[]} messages in the order of the log, none missing between two
 * @property {readonly Waiting[]} waiting in the order of writing
 * @property {boolean} loaded whether the newest page of history is there
 * @property {boolean} more whether the server has messages before the first
 * @property {number | null} goneBefore the server has deleted what was before this offset; `null` if it has not said so
 * @property {number} read the offset up to which the user has read
 * @property {number} unread how many came after it from others
 * @property {number} forMe how many of those are for the user: all of a person, and in a room those with "@" and the
 *   user's name
 * @property {number | null} newAfter the user had read up to here when new ones came; `null` without a mark
 * @property {number | null} users how many are in the room; `null` if not known
 * @property {readonly string[]} members the names of those in the room
 * @property {readonly (string | null)[]} typing who is typing
 * @property {readonly ReadMark[]} readers how far others have read
 * @property {boolean} here whether this person is in a room of the user's
 * @property {PastSnapshot | null} past what was said around the place where the user is, apart from `messages`; `null`
 *   at the newest ones
 */
/** @typedef {Readonly<SnapshotFields>} Snapshot */
/** @typedef {Readonly<ConversationSnapshotFields>} ConversationSnapshot */

/**
 * How it stands with the connection. "refused": the server says no, and is asked again. "waiting": it said when to ask
 * again.
 * @typedef {"connecting" | "connected" | "reconnecting" | "offline" | "refused" | "waiting" | "stopped"} ConnectionState
 */

/**
 * Everything, as it was at one moment.
 * @typedef {object} SnapshotFields
 * @property {{ readonly state: ConnectionState, readonly problem: Problem | null }} connection
 * @property {{ readonly name: string | null, readonly user: string | null }} me
 * @property {readonly ConversationSnapshot[]} rooms
 * @property {readonly ConversationSnapshot[]} people
 * @property {ConversationSnapshot} open the one that is shown
 * @property {boolean} caughtUp whether all is there that was missed, and what other devices have read
 * @property {number} unread in all conversations
 * @property {number} forMe how many of those are private, or mention the user
 */

/**
 * A page of what was said before.
 * @typedef {object} PageFields
 * @property {readonly Message[]} messages oldest first
 * @property {boolean} more whether there are earlier ones
 * @property {boolean} moreAfter whether there are later ones
 */
/** @typedef {Readonly<PageFields>} Page */

/**
 * What was said before, in one piece that grows at both ends.
 * @typedef {Page} PastSnapshot
 */

/**
 * A position in a conversation: the offset of a message, or a time in milliseconds since 1970.
 * @typedef {number | { at: number }} Position
 */

/**
 * Which page of history to get. Without a position it is the newest one.
 * @typedef {object} PageRequest
 * @property {Position} [before]
 * @property {Position} [after]
 * @property {Position} [around]
 * @property {number} [limit] 50 by default, 200 at most
 */

/**
 * What the server says of a file that is uploaded.
 * @typedef {object} Ticket
 * @property {string} file its id
 * @property {string} url
 * @property {string} token
 * @property {number} received
 * @property {number} bytes
 * @property {string} line
 */

/**
 * @typedef {object} UploadOptions
 * @property {(received: number, bytes: number) => void} [onProgress] called with how much has arrived
 * @property {AbortSignal} [signal] gives it up
 * @property {(file: string) => void} [onBegun] called with the id of the file, to go on with after a reload
 * @property {string} [begun] the id of the same file that was begun before
 */

/**
 * What `io` of socket.io-client gives, as far as it is used here.
 * @typedef {object} Socket
 * @property {boolean} connected
 * @property {boolean} active
 * @property {boolean} recovered
 * @property {any} io
 * @property {(event: string, handler: (...args: any[]) => void) => unknown} on
 * @property {() => unknown} off
 * @property {(handler: (event: string, ...args: any[]) => void) => unknown} onAny
 * @property {() => unknown} offAny
 * @property {(event: string, ...args: any[]) => unknown} emit
 * @property {() => unknown} connect
 * @property {() => unknown} disconnect
 */

/** @typedef {(url: string, options: any) => Socket} Io */

/**
 * @typedef {object} Options
 * @property {Io} io from socket.io-client
 * @property {string} [url] where the chat is, with its base path; the folder of the page by default
 * @property {readonly string[]} [rooms] where to be at first; "general" by default
 * @property {string} [name] who to be, if nobody has chosen a name here before
 * @property {string} [token] the secret that keeps the name, 16 characters or more; made and kept by default
 * @property {() => string | Promise<string>} [signedToken] gives a signed token (JWT) for each connection, on servers
 *   that know users by those
 * @property {string} [invitation] the code of an invitation, where new users need one
 * @property {number} [history] with how many messages of each room a first visit begins, 50 by default
 * @property {boolean} [keepMessages] whether the newest messages are kept, to be read without a connection
 * @property {boolean} [keepPlace] whether what was missed is not read as it arrives: the program looks for the first
 *   unread message once `caughtUp` is set, and says with `markRead` what was seen
 * @property {import("./environment.js").Environment} [environment] storage, clock and page; the browser's by default,
 *   and outside of one nothing is kept
 */

/**
 * What happens, beside the changes of the snapshot.
 * @typedef {object} Events
 * @property {(message: Message, conversation: ConversationId) => void} message a message has come that had not come
 *   before, live or from the time without a connection
 * @property {(offset: number, conversation: ConversationId) => void} changed the message at this offset got another text
 *   or reaction, or was deleted
 * @property {(count: number) => void} caughtUp the connection is back, and so many messages of others were missed
 * @property {(name: string, problem: Problem) => void} nameLost the user has this name no more
 * @property {() => void} handedOver the device is another user's, or nobody's: this client has ended, and the next one
 *   begins with that
 */

export {};
