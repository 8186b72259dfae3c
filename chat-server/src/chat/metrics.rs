use chat_core::RefusalCode;

use super::{Chat, Impairment};
use crate::engine::files::Files;
use crate::engine::metrics::{ApiRequests, Metrics};
use crate::engine::presence::Known;
use crate::http::exposition::{Exposition, Unit};
use crate::http::process;

/// The numbers of messages for which it is counted how many connections are further behind.
const BEHIND: [u64; 4] = [0, 100, 1_000, 10_000];

impl Chat {
    /// Returns what this node has counted and how it is now, in the [text format of
    /// Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/), version 0.0.4.
    ///
    /// The names and their meaning are listed in `docs/OPERATIONS.md`. Takes a few milliseconds with tens of thousands of
    /// connections.
    pub fn metrics(&self) -> String {
        let mut metrics = Exposition::default();
        self.add_health(&mut metrics);
        self.add_connections(&mut metrics);
        self.add_log(&mut metrics);
        self.add_delivery(&mut metrics);
        self.add_nodes(&mut metrics);
        self.add_files(&mut metrics);
        self.add_bounds(&mut metrics);
        process::add(&mut metrics);
        metrics.into_text()
    }

    fn add_health(&self, metrics: &mut Exposition) {
        let version = env!("CARGO_PKG_VERSION");
        metrics.gauges("chat_build_info", "The version, always 1.", "version", [(version, 1)]);
        let impairments = self.impairments();
        let is_draining = self.draining.is_cancelled();
        let is_ready = u8::from(impairments.is_empty() && !is_draining);
        metrics.gauge("chat_ready", "Whether everything works: 1 or 0, as /readyz says.", is_ready);
        let help = "Whether clients are moved to other nodes, 1 or 0.";
        metrics.gauge("chat_draining", help, u8::from(is_draining));
        let of = |impairment| u8::from(impairments.contains(&impairment));
        let impaired = [
            ("writing", of(Impairment::Writing)),
            ("reading", of(Impairment::Reading)),
            ("saving_sessions", of(Impairment::SavingSessions)),
            ("other_nodes", of(Impairment::OtherNodes)),
        ];
        let help = "Whether something does not work, 1 or 0, by what it is.";
        metrics.gauges("chat_impaired", help, "what", impaired);
        if let Some(disk) = self.log.disk() {
            let help = "Size of the store's files or tables, in bytes.";
            metrics.gauge("chat_store_bytes", help, disk.used);
            let help = "Free space on the disk with these files, in bytes.";
            if let Some(free) = disk.free {
                metrics.gauge("chat_store_disk_free_bytes", help, free);
            }
            let help = "Size of the search index, in bytes.";
            metrics.gauge("chat_search_index_bytes", help, disk.search);
        }
    }

    fn add_connections(&self, metrics: &mut Exposition) {
        let [polling, websocket, connecting] = self.transport.sessions();
        let connections = [("polling", polling), ("websocket", websocket)];
        metrics.gauges(
            "chat_connections",
            "Connections of clients, including those that are still connecting, by transport.",
            "transport",
            connections,
        );
        let help = "Connections that have not connected to a namespace yet.";
        metrics.gauge("chat_connections_connecting", help, connecting);
        let connects = &self.log.metrics().connects;
        metrics.counters(
            "chat_connects_total",
            "Clients that connected, by session: new, recovered, or not_recovered if it no longer existed.",
            "session",
            [
                ("new", connects.new.get()),
                ("recovered", connects.recovered.get()),
                ("not_recovered", connects.not_recovered.get()),
            ],
        );
        let by_code = connects.refused.get().map(|(code, count)| (name(code), count));
        let others = [
            ("refused_by_application".to_owned(), connects.refused_by_application.get()),
            ("unserved".to_owned(), connects.unserved.get()),
        ];
        metrics.counters(
            "chat_connects_refused_total",
            "Clients that were refused, by the code that they got; unserved if the store or the policy failed.",
            "reason",
            by_code.chain(others),
        );
        let counters = self.transport.counters();
        metrics.counters(
            "chat_connections_refused_total",
            "Connections for which there was no room, by the limit.",
            "limit",
            counters.all_refused().map(|(full, count)| (snake_case(&full), count)),
        );
        metrics.counters(
            "chat_connections_ended_total",
            "Connections that the server ended, by reason.",
            "reason",
            counters.all_ended().map(|(farewell, count)| (snake_case(&farewell), count)),
        );
    }

    fn add_log(&self, metrics: &mut Exposition) {
        let counted = self.log.metrics();
        let Metrics { entries, commit_entries, commit_time, refused, .. } = counted;
        metrics.gauge(
            "chat_log_tail",
            "The offset of the last message in the log, as far as this node knows: how many all nodes have stored.",
            self.log.tail().as_u64(),
        );
        let results = [
            ("stored", &entries.stored),
            ("duplicate", &entries.duplicate),
            ("conflict", &entries.conflict),
            ("missing", &entries.missing),
            ("unavailable", &entries.unavailable),
        ];
        metrics.counters(
            "chat_entries_total",
            "Messages that this node gave to the store, by its answer; unavailable if it failed.",
            "result",
            results.map(|(result, counter)| (result, counter.get())),
        );
        let by_code = refused.get().map(|(code, count)| (name(code), count));
        let help = "Requests of connected clients that were refused, by the code that they got.";
        metrics.counters("chat_requests_refused_total", help, "code", by_code);
        self.add_api(metrics);
        let help = "Time that the store took for each commit, in seconds.";
        metrics.histogram("chat_commit_seconds", help, Unit::Time, &commit_time.get());
        let help = "Number of messages in each commit.";
        metrics.histogram("chat_commit_entries", help, Unit::Count, &commit_entries.get());
    }

    fn add_api(&self, metrics: &mut Exposition) {
        let ApiRequests { accepted, refused, unsuitable } = &self.log.metrics().api;
        let by_code = refused.get().map(|(code, count)| (name(code), count));
        let others = [("ok", accepted), ("unsuitable", unsuitable)];
        let others = others.map(|(code, counter)| (code.to_owned(), counter.get()));
        metrics.counters(
            "chat_api_requests_total",
            "Requests to the HTTP API, by the code of the answer; unsuitable for a path, method, type or log that is not there.",
            "code",
            others.into_iter().chain(by_code),
        );
    }

    fn add_delivery(&self, metrics: &mut Exposition) {
        let counted = self.log.metrics();
        metrics.histogram(
            "chat_delivery_seconds",
            "Time from the queue for the commit until the first message of each read is handed to its connection, in seconds.",
            Unit::Time,
            &counted.delivery_time.get(),
        );
        metrics.histogram(
            "chat_delivery_lag_entries",
            "How far behind the end of the log each read for a connection began, in messages.",
            Unit::Count,
            &counted.lag.get(),
        );
        metrics.histograms(
            "chat_read_entries",
            "Number of messages in each read for a connection, by source.",
            Unit::Count,
            "source",
            [("memory", counted.read_from_memory.get()), ("store", counted.read_from_store.get())],
        );
        let lags = self.connections.lags();
        let behind = BEHIND.map(|than| (than, lags.iter().filter(|lag| **lag > than).count()));
        metrics.gauges(
            "chat_connections_behind",
            "Connections with more than so many messages of the log after their cursor, of which some are for them.",
            "entries",
            behind,
        );
        let help = "How many messages the connection that is furthest behind has after its cursor.";
        let furthest = lags.into_iter().max().unwrap_or_default();
        metrics.gauge("chat_connections_behind_max_entries", help, furthest);
    }

    fn add_nodes(&self, metrics: &mut Exposition) {
        let Known { rooms, users, nodes } = self.connections.services().presence.known();
        metrics.gauge("chat_rooms", "Rooms with somebody in them, on any node.", rooms);
        let help = "Users with a nickname who are connected to this node.";
        metrics.gauge("chat_users", help, users);
        metrics.gauge("chat_other_nodes", "Other nodes that this one hears.", nodes);
        let (heard, told) = (&self.log.metrics().frames, self.outgoing.counters());
        let frames = [("sent", &told.sent), ("received", &heard.received)];
        let frames = frames.map(|(direction, counter)| (direction, counter.get()));
        let help = "Frames between this node and others, by direction.";
        metrics.counters("chat_frames_total", help, "direction", frames);
        let lost =
            [("queue_full", &told.dropped), ("not_published", &told.failed), ("gap", &heard.gaps)];
        metrics.counters(
            "chat_frames_lost_total",
            "Frames that did not get through, by where; a gap is any number that the broker did not deliver.",
            "where",
            lost.map(|(place, counter)| (place, counter.get())),
        );
        metrics.counter(
            "chat_notifications_late_total",
            "Notifications about messages that this node had read already.",
            heard.late.get(),
        );
        metrics.counter(
            "chat_notifications_repaired_total",
            "Messages of other nodes that this node found without a notification.",
            heard.repaired.get(),
        );
    }

    fn add_files(&self, metrics: &mut Exposition) {
        let counted = &self.log.metrics().files;
        let now = self.files.as_ref().map(Files::now);
        let totals = now.map(|now| now.totals).unwrap_or_default();
        let help = "Files of messages that are kept, as far as this node knows.";
        metrics.gauge("chat_files_kept", help, totals.files);
        let help = "What these files take when they are complete, in bytes.";
        metrics.gauge("chat_files_kept_bytes", help, totals.bytes);
        if let Some(free) = now.and_then(|now| now.free) {
            let help = "Room on the disk with these files, in bytes.";
            metrics.gauge("chat_files_disk_free_bytes", help, free);
        }
        let in_flight = now.map_or(0, |now| now.in_flight);
        let help = "Uploads whose bytes come in now.";
        metrics.gauge("chat_uploads_open", help, in_flight);
        let uploads = [("begun", counted.begun.get()), ("finished", counted.finished.get())];
        let help = "Uploads that were begun, and those that were finished.";
        metrics.counters("chat_uploads_total", help, "what", uploads);
        let help = "Files that this node has removed.";
        metrics.counter("chat_files_removed_total", help, counted.removed.get());
        let by_code = counted.refused.get().map(|(code, count)| (name(code), count));
        let help = "Uploads that were refused, by the code that they got.";
        metrics.counters("chat_uploads_refused_total", help, "code", by_code);
        let bytes = [("in", counted.received.get()), ("out", counted.served.get())];
        let help = "Bytes of files that came in and went out.";
        metrics.counters("chat_files_transferred_bytes_total", help, "direction", bytes);
    }

    fn add_bounds(&self, metrics: &mut Exposition) {
        let counted = self.log.metrics();
        let commits = counted.submitted.get().saturating_sub(counted.entries.answered());
        let presence = &self.connections.services().presence;
        let ((out, most_out), (heard, most_heard)) = (self.outgoing.waiting(), presence.waiting());
        metrics.gauges(
            "chat_queue_length",
            "What waits: messages for their commit, frames for other nodes, frames of other nodes about presence.",
            "queue",
            [("commit", commits), ("frames_out", out as u64), ("presence_in", heard as u64)],
        );
        metrics.gauges(
            "chat_queue_max_length",
            "Limit of chat_queue_length. Messages for their commit are bounded by what each connection may have in flight.",
            "queue",
            [("frames_out", most_out), ("presence_in", most_heard)],
        );
        let [large, unread] = self.transport.budgets();
        let memory = [("recent", self.log.memory()), ("large_packets", large), ("unread", unread)];
        metrics.gauges(
            "chat_memory_bytes",
            "Memory for recent messages, for large packets, and for data that clients do not read.",
            "use",
            memory.map(|(part, (used, _))| (part, used)),
        );
        let most = memory.map(|(part, (_, most))| (part, most));
        metrics.gauges("chat_memory_max_bytes", "Limit of chat_memory_bytes.", "use", most);
        let [sessions, connecting] = self.transport.max_sessions();
        metrics.gauges(
            "chat_connections_max",
            "Limits on connections: of clients, of those still connecting, and of HTTP as far as files can be open.",
            "of",
            [("clients", sessions), ("connecting", connecting), ("http", self.room.connections)],
        );
    }
}

/// The name of a code on the wire.
fn name(code: RefusalCode) -> String {
    snake_case(&code)
}

/// Returns the name of a variant without fields in `snake_case`.
fn snake_case(variant: &impl std::fmt::Debug) -> String {
    let mut name = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}
