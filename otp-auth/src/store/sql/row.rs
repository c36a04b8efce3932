//! Reads the rows of our own tables, which are the same on every database.

use sqlx::{Error, Row as _};

use crate::methods::InvalidAuthMethods;
use crate::store::{
    Binding, BlacklistEntry, BlacklistKind, Budget, Client, CodeMac, CountedAttempt, Identity, Nonce, OpenChallenge,
    Opening, Recovery, Session, SessionId, Timestamp, Total,
};

/// A row of a database.
pub(crate) trait OwnRow {
    fn integer(&self, column: &'static str) -> Result<Option<i64>, Error>;
    fn blob(&self, column: &'static str) -> Result<Option<&[u8]>, Error>;
    fn text(&self, column: &'static str) -> Result<Option<&str>, Error>;
    fn flag(&self, column: &'static str) -> Result<bool, Error>;
}

macro_rules! own_row {
    ($row:ty, $text:expr) => {
        impl OwnRow for $row {
            fn integer(&self, column: &'static str) -> Result<Option<i64>, Error> {
                self.try_get(column)
            }

            fn blob(&self, column: &'static str) -> Result<Option<&[u8]>, Error> {
                self.try_get(column)
            }

            fn text(&self, column: &'static str) -> Result<Option<&str>, Error> {
                $text(self, column)
            }

            fn flag(&self, column: &'static str) -> Result<bool, Error> {
                self.try_get(column)
            }
        }
    };
}

#[cfg(feature = "sqlite")]
own_row!(sqlx::sqlite::SqliteRow, Self::try_get);
#[cfg(feature = "postgres")]
own_row!(sqlx::postgres::PgRow, Self::try_get);
#[cfg(feature = "mysql")]
own_row!(sqlx::mysql::MySqlRow, text_of_bytes);

/// Ids and kinds are in binary columns, so that no collation considers two of them equal.
#[cfg(feature = "mysql")]
fn text_of_bytes<'r>(row: &'r sqlx::mysql::MySqlRow, column: &'static str) -> Result<Option<&'r str>, Error> {
    let text = row.blob(column)?.map(std::str::from_utf8).transpose();
    text.map_err(|error| Error::Decode(error.into()))
}

pub(super) fn needed<T>(value: Option<T>, column: &str) -> Result<T, Error> {
    value.ok_or_else(|| Error::Decode(format!("{column} is NULL").into()))
}

pub(super) fn optional_bytes<const N: usize>(
    row: &impl OwnRow,
    column: &'static str,
) -> Result<Option<[u8; N]>, Error> {
    let fixed = row.blob(column)?.map(<[u8; N]>::try_from).transpose();
    fixed.map_err(|_| Error::Decode(format!("{column} does not have {N} bytes").into()))
}

pub(super) fn bytes<const N: usize>(row: &impl OwnRow, column: &'static str) -> Result<[u8; N], Error> {
    needed(optional_bytes(row, column)?, column)
}

pub(super) fn time(row: &impl OwnRow, column: &'static str) -> Result<Timestamp, Error> {
    needed(row.integer(column)?, column).map(Timestamp::from_millis)
}

/// Reads a count. Not every database has unsigned integers.
pub(super) fn count(row: &impl OwnRow, column: &'static str) -> Result<u32, Error> {
    let count = needed(row.integer(column)?, column)?;
    u32::try_from(count).map_err(|_| Error::Decode(format!("{column} is not a count").into()))
}

/// The budget in this row. A row of NULLs has none.
pub(super) fn budget(row: &impl OwnRow) -> Result<Option<Budget>, Error> {
    let Some(next_send_at) = row.integer("next_send_at")? else {
        return Ok(None);
    };
    Ok(Some(Budget {
        next_send_at: Timestamp::from_millis(next_send_at),
        hour_started_at: time(row, "hour_started_at")?,
        hour_sends: count(row, "hour_sends")?,
        day_started_at: time(row, "day_started_at")?,
        day_sends: count(row, "day_sends")?,
    }))
}

/// The total in this row, as `total_started_at` and `total_sends`. A row of NULLs has none.
pub(super) fn total(row: &impl OwnRow) -> Result<Option<Total>, Error> {
    let Some(started_at) = row.integer("total_started_at")? else {
        return Ok(None);
    };
    Ok(Some(Total::new(Timestamp::from_millis(started_at), count(row, "total_sends")?)))
}

/// How the send with this number opened its challenge: the row has the one to resume, or NULLs.
pub(super) fn opening(row: &impl OwnRow, open: &OpenChallenge, number: u32) -> Result<Opening, Error> {
    let ticket = open.ticket();
    Ok(match optional_bytes(row, "nonce")? {
        Some(nonce) => Opening::Resumed {
            nonce: Nonce::from_bytes(nonce),
            code_mac: CodeMac::from_bytes(bytes(row, "code_mac")?),
            expires_at: time(row, "expires_at")?,
            ticket,
        },
        None => Opening::Opened { code_mac: open.code_mac(number), ticket },
    })
}

/// A challenge, with the number of the attempt that was just counted.
pub(super) fn counted(row: &impl OwnRow, number: u32) -> Result<CountedAttempt, Error> {
    let identity = Identity::from_bytes(bytes(row, "identity")?);
    let code_mac = optional_bytes(row, "code_mac")?.map(CodeMac::from_bytes);
    Ok(CountedAttempt::new(number, identity, code_mac, time(row, "expires_at")?))
}

/// The failures in this row. NULL if none were counted.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn failures(row: &impl OwnRow) -> Result<u32, Error> {
    if row.integer("failures")?.is_none() { Ok(0) } else { count(row, "failures") }
}

fn session_id(row: &impl OwnRow) -> Result<SessionId, Error> {
    bytes(row, "id").map(SessionId::from_bytes)
}

pub(super) fn session_ids(rows: &[impl OwnRow]) -> Result<Vec<SessionId>, Error> {
    rows.iter().map(session_id).collect()
}

pub(super) fn session(row: &impl OwnRow) -> Result<Session, Error> {
    let methods = needed(row.text("amr")?, "amr")?.parse();
    Ok(Session {
        id: session_id(row)?,
        user_id: needed(row.text("user_id")?, "user_id")?.to_owned(),
        binding: Binding::from_bytes(bytes(row, "binding")?),
        generation: count(row, "generation")?,
        created_at: time(row, "created_at")?,
        refreshed_at: time(row, "refreshed_at")?,
        recovery: match row.integer("recovered_at")? {
            Some(at) => {
                Some(Recovery { generation: count(row, "recovered_generation")?, at: Timestamp::from_millis(at) })
            }
            None => None,
        },
        expires_at: time(row, "expires_at")?,
        revoked_at: row.integer("revoked_at")?.map(Timestamp::from_millis),
        methods: methods.map_err(|error: InvalidAuthMethods| Error::Decode(Box::new(error)))?,
        client: Client {
            user_agent: row.text("user_agent")?.map(str::to_owned),
            address: row.text("address")?.and_then(|address| address.parse().ok()),
        },
    })
}

pub(super) fn sessions(rows: &[impl OwnRow]) -> Result<Vec<Session>, Error> {
    rows.iter().map(session).collect()
}

/// The blacklist entries in these rows. A row of NULLs has none.
pub(super) fn entries(rows: &[impl OwnRow]) -> Result<Vec<BlacklistEntry>, Error> {
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(kind) = row.text("type")? {
            let kind = BlacklistKind::parse(kind).ok_or_else(|| Error::Decode("unknown type".into()))?;
            let (blacklisted_at, expires_at) = (time(row, "blacklisted_at")?, time(row, "expires_at")?);
            entries.push(BlacklistEntry::new(bytes(row, "id")?, kind, blacklisted_at, expires_at));
        }
    }
    Ok(entries)
}
