use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use chat_core::{
    ClientOffset, Content, Epoch, Kind, Message, NewMessage, NicknameKey, Offset, Timestamp, UserId,
};
use chat_store::{NicknameClaim, Plan, SessionKey, SessionRecord, StoreError, key_from_kept};

use super::index::{Index, Place};
use super::line::{Code, Credential, Line};

/// An open file, and what is in it.
pub(crate) struct Journal {
    file: File,
    name: String,
    epoch: Epoch,
    /// How long the file is, up to the last batch that counts.
    end: u64,
    pub(crate) index: Index,
    /// Whether the file may be longer than that.
    torn: bool,
}

impl Journal {
    /// Opens the file or makes it, and cuts off a batch at its end that was never acknowledged.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| cannot_open(&name, error))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                StoreError::Locked { place: name.clone(), source: "another process has it".into() }
            }
            TryLockError::Error(error) => cannot_open(&name, error),
        })?;
        let (epoch, index, end) = read(&mut file, &name)?;
        let mut journal = Self { file, name, index, end, torn: true, epoch: new_epoch() };
        match epoch {
            Some(epoch) => journal.epoch = epoch,
            None => journal.commit(vec![Line::Log(journal.epoch.clone())])?,
        }
        // The name of a new file has to be on the disk as well.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder =
            File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        folder.map_err(|error| cannot_open(&journal.name, error))?;
        Ok(journal)
    }

    pub(crate) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// The message at an offset that the index has.
    pub(crate) fn message(&mut self, offset: Offset) -> Result<Message, StoreError> {
        let mut message = self.kept(offset)?;
        let kept = message.client_offset;
        message.client_offset = kept.map(|kept| key_from_kept(kept.as_str()));
        Ok(message)
    }

    /// The message at an offset that the index has, with the text under which its key is kept.
    fn kept(&mut self, offset: Offset) -> Result<Message, StoreError> {
        let place = self.index.place(offset).ok_or_else(|| self.corrupt("lacks a message"))?;
        let mut line = vec![0; place.length];
        self.file
            .seek(SeekFrom::Start(place.start))
            .and_then(|_| self.file.read_exact(&mut line))
            .map_err(|error| unavailable(&self.name, error))?;
        match serde_json::from_slice(&line) {
            Ok(Line::Message(message) | Line::Changed(message)) => Ok(message),
            _ => Err(self.corrupt("was changed by somebody else")),
        }
    }

    /// Writes the new messages of a plan with the texts under which their keys are kept, and what they change.
    pub(crate) fn append(&mut self, plan: &Plan<'_>) -> Result<(), StoreError> {
        let first = self.index.tail().next();
        let line = |((new, kept), step): ((&NewMessage, Option<&str>), u64)| {
            let mut message = Message::from_new(first.plus(step), new.clone());
            message.client_offset = kept.map(ClientOffset::from_stored);
            message
        };
        let mut new: Vec<_> = plan.new_messages().zip(0..).map(line).collect();
        let mut changed = BTreeMap::new();
        for (of, number, content) in plan.replaced() {
            if let Entry::Vacant(target) = changed.entry(of) {
                target.insert(self.kept(of)?);
            }
            let earlier: Vec<_> = self.index.edits(of).to_vec();
            for edit in earlier {
                if let Entry::Vacant(earlier) = changed.entry(edit) {
                    earlier.insert(self.kept(edit)?);
                }
                let edit = changed.get_mut(&edit);
                edit.into_iter().for_each(|edit| edit.change_content(Content::default()));
            }
            let earlier = new[..number].iter_mut().filter(|new| new.kind == Kind::Edit(of));
            earlier.for_each(|edit| edit.change_content(Content::default()));
            let target = changed.get_mut(&of);
            target.into_iter().for_each(|target| target.change_content(content.clone()));
        }
        let new = new.into_iter().map(Line::Message);
        self.commit(new.chain(changed.into_values().map(Line::Changed)).collect())
    }

    /// Deletes the messages up to an offset.
    pub(crate) fn trim(&mut self, upto: Offset) -> Result<(), StoreError> {
        let upto = upto.min(self.index.tail());
        if upto <= self.index.horizon() {
            return Ok(());
        }
        self.commit(vec![Line::Trimmed(upto)])
    }

    /// Writes messages again as they are without a user.
    pub(crate) fn forget_user(&mut self, user: UserId, of: &[Offset]) -> Result<(), StoreError> {
        let (horizon, tail) = (self.index.horizon(), self.index.tail());
        let mut changed = Vec::new();
        for &of in of.iter().filter(|of| **of > horizon && **of <= tail) {
            let mut message = self.kept(of)?;
            message.forget_user(user);
            changed.push(Line::Changed(message));
        }
        self.commit(changed)
    }

    /// Frees the names of a user, and revokes the credentials.
    pub(crate) fn erase(&mut self, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        let names = self.index.nicknames.iter().filter(|(_, claim)| claim.user == user);
        let owners: BTreeSet<_> = names.clone().map(|(_, claim)| claim.owner.0).collect();
        let names = names.map(|(key, _)| Line::Free(key.as_str().to_owned()));
        let kept = self.index.credentials.values().filter(|kept| kept.user == user);
        let kept = kept.map(|kept| Credential {
            label: None,
            code: None,
            is_revoked: true,
            ..kept.clone()
        });
        let unknown = owners.into_iter().filter(|key| !self.index.credentials.contains_key(key));
        let unknown = unknown.map(|key| Credential {
            key,
            owner: key,
            user,
            label: None,
            code: None,
            added_at: now,
            used_at: now,
            is_revoked: true,
        });
        let codes = self.index.codes.values().filter(|code| code.user == user);
        let codes = codes.map(|code| Line::CodeExpired(code.key));
        let lines = names.chain(kept.chain(unknown).map(Line::Credential)).chain(codes).collect();
        self.commit(lines)
    }

    pub(crate) fn save(&mut self, sessions: Vec<SessionRecord>) -> Result<(), StoreError> {
        self.commit(sessions.into_iter().map(|session| Line::Session(session.into())).collect())
    }

    pub(crate) fn sweep(&mut self, keys: Vec<SessionKey>) -> Result<(), StoreError> {
        self.commit(keys.into_iter().map(|key| Line::Swept(key.0)).collect())
    }

    pub(crate) fn claim(&mut self, claim: NicknameClaim) -> Result<(), StoreError> {
        self.commit(vec![Line::Nickname(claim.into())])
    }

    pub(crate) fn free(&mut self, names: Vec<NicknameKey>) -> Result<(), StoreError> {
        self.commit(names.iter().map(|key| Line::Free(key.as_str().to_owned())).collect())
    }

    pub(crate) fn keep(&mut self, credential: Credential) -> Result<(), StoreError> {
        self.commit(vec![Line::Credential(credential)])
    }

    /// Writes a code, and that these have expired.
    pub(crate) fn keep_code(
        &mut self,
        code: Option<Code>,
        expired: Vec<[u8; 32]>,
    ) -> Result<(), StoreError> {
        let expired = expired.into_iter().map(Line::CodeExpired);
        self.commit(expired.chain(code.map(Line::Code)).collect())
    }

    pub(crate) fn holder(&self, key: &NicknameKey) -> Option<&NicknameClaim> {
        self.index.nicknames.get(key)
    }

    /// Writes a batch and waits until it is on the disk. When that fails, nothing of it counts.
    fn commit(&mut self, lines: Vec<Line>) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let mut placed = Vec::new();
        for line in lines {
            let start = self.end + bytes.len() as u64;
            let before = bytes.len();
            serde_json::to_writer(&mut bytes, &line)
                .map_err(|error| self.unwritten(error.into()))?;
            placed.push((line, Place { start, length: bytes.len() - before }));
            bytes.push(b'\n');
        }
        serde_json::to_writer(&mut bytes, &Line::Commit)
            .map_err(|error| self.unwritten(error.into()))?;
        bytes.push(b'\n');

        self.mend()?;
        self.torn = true;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // At once if that is possible, else before the next batch.
            self.mend().ok();
            return Err(self.unwritten(error));
        }
        self.torn = false;
        self.end += bytes.len() as u64;
        for (line, place) in placed {
            self.index.apply(line, place);
        }
        Ok(())
    }

    /// Cuts off what a failed commit has left.
    fn mend(&mut self) -> Result<(), StoreError> {
        if self.torn {
            let cut = self.file.set_len(self.end).and_then(|()| self.file.sync_data());
            cut.map_err(|error| unavailable(&self.name, error))?;
            self.torn = false;
        }
        Ok(())
    }

    fn unwritten(&self, error: std::io::Error) -> StoreError {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                StoreError::Full { place: self.name.clone(), source: error.into() }
            }
            _ => unavailable(&self.name, error),
        }
    }

    fn corrupt(&self, problem: &str) -> StoreError {
        corrupt(&self.name, problem)
    }
}

/// What the batches of a file say that are complete, and where the last of them ends.
fn read(file: &mut File, name: &str) -> Result<(Option<Epoch>, Index, u64), StoreError> {
    let (mut epoch, mut index) = (None, Index::default());
    let (mut batch, mut place, mut end) = (Vec::new(), Place { start: 0, length: 0 }, 0);
    let mut damaged = false;
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text);
        place.length = read.map_err(|error| cannot_open(name, error))?;
        if text.last() != Some(&b'\n') {
            return Ok((epoch, index, end));
        }
        match serde_json::from_slice(&text) {
            // Damage is no torn end when something follows that was acknowledged.
            Ok(Line::Commit) if damaged => return Err(corrupt(name, "is damaged")),
            Ok(Line::Commit) => {
                for (line, place) in batch.drain(..) {
                    if let Line::Log(log) = &line {
                        epoch = Some(log.clone());
                    }
                    index.apply(line, place);
                }
                end = place.start + place.length as u64;
                if epoch.is_none() {
                    return Err(corrupt(name, "does not begin with the name of its log"));
                }
            }
            Ok(line) => batch.push((line, Place { length: place.length - 1, ..place })),
            Err(_) if end == 0 => return Err(corrupt(name, "is no journal of a chat")),
            Err(_) => damaged = true,
        }
        place.start += place.length as u64;
    }
}

/// The standard library seeds its hashers from the operating system's randomness.
fn new_epoch() -> Epoch {
    Epoch::from_random(RandomState::new().hash_one(()).to_be_bytes())
}

fn cannot_open(name: &str, error: std::io::Error) -> StoreError {
    let advice = "check that its folder is there and may be written to";
    StoreError::Open { place: name.to_owned(), advice, source: error.into() }
}

fn unavailable(name: &str, error: std::io::Error) -> StoreError {
    StoreError::Unavailable { place: name.to_owned(), source: error.into() }
}

fn corrupt(name: &str, problem: &str) -> StoreError {
    StoreError::Corrupt { place: name.to_owned(), problem: problem.to_owned(), source: None }
}
