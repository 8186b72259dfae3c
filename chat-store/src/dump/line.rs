//! Lines as rows: read, and checked.

use std::collections::BTreeMap;
use std::io::BufRead;

use data_encoding::HEXLOWER;
use serde_json::{Map, Value as Json};

use super::{Header, MoveError, TABLES, Table, Type};

/// The name of the field that says what a line is.
const RECORD: &str = "record";

/// Rows that are stored together end with the one that brings them to so many bytes.
const BYTES: usize = 1024 * 1024;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    Number(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl Kept {
    fn to_json(&self) -> Option<Json> {
        match self {
            Self::Number(number) => number.map(Json::from),
            Self::Text(text) => text.as_deref().map(Json::from),
            Self::Bytes(bytes) => bytes.as_ref().map(|bytes| HEXLOWER.encode(bytes).into()),
        }
    }

    fn of_json(kind: Type, json: Option<Json>) -> Option<Self> {
        Some(match (kind, json) {
            (Type::Number, json) => {
                Self::Number(json.map(|it| it.as_i64().ok_or(())).transpose().ok()?)
            }
            (Type::Bytes, None) => Self::Bytes(None),
            (Type::Bytes, Some(Json::String(text))) => {
                Self::Bytes(Some(HEXLOWER.decode(text.as_bytes()).ok()?))
            }
            (Type::Content, None) => return None,
            (_, None) => Self::Text(None),
            (_, Some(Json::String(text))) => Self::Text(Some(text)),
            _ => return None,
        })
    }
}

impl Table {
    /// Returns a row as a line.
    pub(crate) fn line(&self, row: &[Kept]) -> String {
        let mut fields = Map::new();
        fields.insert(RECORD.into(), self.record.into());
        for (column, kept) in self.columns.iter().zip(row) {
            fields.extend(kept.to_json().map(|json| (column.name.to_owned(), json)));
        }
        format!("{}\n", Json::Object(fields))
    }
}

/// Rows of one table.
type Part = (&'static Table, Vec<Vec<Kept>>);

/// The rows of an export, in parts.
pub(crate) struct Rows<'a> {
    from: &'a mut (dyn BufRead + Send),
    header: Header,
    /// The lines that were read.
    pub(crate) line: u64,
    /// The table of the line that was read last, and how many lines it has left.
    table: usize,
    left: u64,
    last: i64,
    /// The first row of the next part.
    ahead: Option<(usize, Vec<Kept>, usize)>,
}

impl<'a> Rows<'a> {
    /// Begins after the header.
    pub(crate) fn new(from: &'a mut (dyn BufRead + Send), header: Header) -> Self {
        let last = if header.dense { header.horizon } else { 0 };
        let left = header.counts.get(TABLES[0].record).copied().unwrap_or(0);
        Self { from, header, line: 1, table: 0, left, last, ahead: None }
    }

    /// Returns the next rows, of one table and at most `most`; none at the end.
    pub(crate) fn part(&mut self, most: usize) -> Result<Option<Part>, MoveError> {
        let Some((index, first, mut bytes)) = self.next()? else { return Ok(None) };
        let mut rows = vec![first];
        while rows.len() < most && bytes < BYTES {
            match self.next()? {
                Some((other, row, length)) if other == index => {
                    bytes += length;
                    rows.push(row);
                }
                ahead => {
                    self.ahead = ahead;
                    break;
                }
            }
        }
        Ok(Some((&TABLES[index], rows)))
    }

    /// Returns how many lines are in the parts that were returned, the header included.
    pub(crate) fn done(&self) -> u64 {
        self.line - u64::from(self.ahead.is_some())
    }

    fn next(&mut self) -> Result<Option<(usize, Vec<Kept>, usize)>, MoveError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        while self.left == 0 {
            self.table += 1;
            let Some(table) = TABLES.get(self.table) else { return self.end() };
            self.left = self.header.counts.get(table.record).copied().unwrap_or(0);
        }
        let mut text = String::new();
        let length = self.from.read_line(&mut text)?;
        self.line += 1;
        self.left -= 1;
        let wrong = |problem: String| MoveError::line(self.line, problem);
        if !text.ends_with('\n') {
            let all = self.header.lines();
            return Err(wrong(format!("is not complete: there should be {all} lines")));
        }
        let table = &TABLES[self.table];
        let fields = serde_json::from_str::<BTreeMap<String, Json>>(&text);
        let mut fields = fields.map_err(|error| wrong(format!("is no record: {error}")))?;
        if fields.remove(RECORD) != Some(table.record.into()) {
            return Err(wrong(format!("should be a {}", table.record)));
        }
        let kept = table.columns.iter().map(|column| {
            Kept::of_json(column.kind, fields.remove(column.name))
                .ok_or_else(|| wrong(format!("has a wrong {:?}", column.name)))
        });
        let row = kept.collect::<Result<Vec<_>, _>>()?;
        if let Some(name) = fields.keys().next() {
            return Err(wrong(format!("has an unknown {name:?}")));
        }
        if self.table == 0 {
            self.check_offset(&row)?;
        }
        Ok(Some((self.table, row, length)))
    }

    /// Checks that a message follows the one before.
    fn check_offset(&mut self, row: &[Kept]) -> Result<(), MoveError> {
        let Some(Kept::Number(Some(id))) = row.first() else {
            return Err(MoveError::line(self.line, "has no \"id\""));
        };
        let Header { dense, horizon, tail, .. } = self.header;
        let follows = match dense && *id > horizon {
            true => *id == self.last + 1,
            false => *id > 0 && (*id > self.last || dense && *id <= horizon),
        };
        if !follows || *id > tail {
            let problem = format!("has the offset {id} after {}", self.last);
            return Err(MoveError::line(self.line, problem));
        }
        self.last = self.last.max(*id);
        Ok(())
    }

    /// Checks that nothing follows.
    fn end(&mut self) -> Result<Option<(usize, Vec<Kept>, usize)>, MoveError> {
        let Header { dense, horizon, tail, .. } = self.header;
        if dense && self.last != tail.max(horizon) {
            let problem = format!("is the last one, and the offsets end at {}", self.last);
            return Err(MoveError::line(self.line, problem));
        }
        match self.from.fill_buf()? {
            [] => Ok(None),
            _ => Err(MoveError::line(self.line + 1, "is one more than there should be")),
        }
    }
}
