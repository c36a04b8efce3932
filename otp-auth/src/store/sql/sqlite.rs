//! `SQLite`. It has one writer at a time; every operation that writes runs in
//! a transaction that takes the write lock at its start, or is one statement,
//! so each contract holds by serialisation.

pub mod user;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::query::Query;
use sqlx::sqlite::{
    Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row, SqlSafeStr, SqlitePool, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::super::{
    Account, Advance, BlacklistKind, Budget, ChallengeKey, ChallengeStore, Client, CodeMac, CountedTry, Identity,
    Maintenance, Nonce, OpenChallenge, Opening, Removed, Revocation, SendTicket, Session, SessionId, SessionStore,
    SignIn, SignInOutcome, StoreResult, Timestamp, TokenId, TokenRef, UserStore,
};
use crate::error::StoreError;
use user::SqliteUser;

/// How long a writer waits for another process. Below the limit of the caller,
/// so that the error says what happened.
const BUSY_TIMEOUT: Duration = Duration::from_secs(4);

/// Keeps everything in an `SQLite` database, beside the application's tables.
///
/// Durable: with `synchronous = FULL`, which [`connect`](Self::connect) sets,
/// what was acknowledged survives a loss of power.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
    /// The writers of this process take turns here, in order. Left to
    /// themselves they would poll for the lock of the database, each holding
    /// a connection that readers need.
    turn: Arc<Mutex<()>>,
}

/// A transaction that may write, and its turn.
struct Write {
    transaction: Transaction<'static, Sqlite>,
    _turn: OwnedMutexGuard<()>,
}

impl Write {
    async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await
    }
}

impl SqliteStore {
    /// Opens the database of a URL such as `sqlite:app.db?mode=rwc`, in WAL
    /// mode and with a busy timeout. A database in memory
    /// (`sqlite::memory:`) gets one connection that is kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the URL cannot be read or the file not be opened.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let in_memory = url.contains(":memory:") || url.contains("mode=memory");
        let options = SqliteConnectOptions::from_str(url)?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .optimize_on_close(true, None);
        let pool = SqlitePoolOptions::new().acquire_timeout(BUSY_TIMEOUT);
        let pool = if in_memory {
            pool.min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None)
        } else {
            pool
        };
        // Turning a new file to WAL mode takes a lock for which SQLite does not
        // wait, whatever the busy timeout, when two processes start at once.
        let mut attempts = 0..200;
        loop {
            match pool.clone().connect_with(options.clone()).await {
                Ok(pool) => return Ok(Self::from_pool(pool)),
                Err(error) if is_busy(&error) && attempts.next().is_some() => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Uses a pool of the application. It should have a busy timeout (sqlx
    /// sets 5 seconds), and WAL mode, so that readers do not wait for
    /// writers.
    #[must_use]
    pub fn from_pool(pool: SqlitePool) -> Self {
        Self { pool, turn: Arc::default() }
    }

    /// The pool, for the application's own queries.
    #[must_use]
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Creates our tables, or brings them up to date. Safe to call at every
    /// start and in several processes at once. What was applied is recorded
    /// in a table of its own, `_otp_auth_migrations`; the application's
    /// tables and migrations are not touched.
    ///
    /// The statements are also files, in `migrations/sqlite` of this crate.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a statement fails, or a newer version of this crate
    /// has migrated the database before.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut migrator = Migrator::with_migrations(vec![Migration::new(
            1,
            "otp auth".into(),
            MigrationType::Simple,
            include_str!("../../../migrations/sqlite/0001_otp_auth.sql").into_sql_str(),
            false,
        )]);
        migrator.dangerous_set_table_name("_otp_auth_migrations");
        // The migrator does not lock SQLite. Inside a transaction that holds
        // the write lock, a second process waits, and then has nothing to do.
        let mut write = self.begin().await?;
        migrator.run_direct(None, &mut *write.transaction, false).await.map_err(StoreError::new)?;
        write.commit().await?;
        Ok(())
    }

    /// Begins a transaction that may write. It takes the lock now: one that
    /// reads first and writes later would fail when somebody wrote in
    /// between.
    async fn begin(&self) -> Result<Write, sqlx::Error> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        Ok(Write { transaction: self.pool.begin_with("BEGIN IMMEDIATE").await?, _turn: turn })
    }

    /// Runs one statement that writes, and returns its first row.
    ///
    /// All rows are read, because such a statement is committed only when it
    /// has run to its end: the first row alone proves nothing.
    async fn write(&self, statement: Query<'_, Sqlite, SqliteArguments>) -> Result<Option<SqliteRow>, sqlx::Error> {
        let _turn = self.turn.lock().await;
        Ok(statement.fetch_all(&self.pool).await?.into_iter().next())
    }

    /// Runs a statement that deletes at most `limit` rows; how many it was.
    async fn delete(&self, statement: &'static str, now: i64, limit: u32) -> Result<u64, sqlx::Error> {
        let _turn = self.turn.lock().await;
        Ok(sqlx::query(statement).bind(now).bind(limit).execute(&self.pool).await?.rows_affected())
    }
}

/// Whether somebody else holds a lock (`SQLITE_BUSY`, with any extension).
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

fn bytes<const N: usize>(row: &SqliteRow, column: &str) -> Result<[u8; N], sqlx::Error> {
    optional_bytes(row, column)?.ok_or_else(|| sqlx::Error::Decode(format!("{column} is NULL").into()))
}

fn optional_bytes<const N: usize>(row: &SqliteRow, column: &str) -> Result<Option<[u8; N]>, sqlx::Error> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    let fixed = bytes.map(<[u8; N]>::try_from).transpose();
    fixed.map_err(|_| sqlx::Error::Decode(format!("{column} does not have {N} bytes").into()))
}

fn time(row: &SqliteRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    row.try_get(column).map(Timestamp::from_millis)
}

fn budget(row: &SqliteRow) -> Result<Budget, sqlx::Error> {
    Ok(Budget {
        next_send_at: time(row, "next_send_at")?,
        hour_started_at: time(row, "hour_started_at")?,
        hour_sends: row.try_get("hour_sends")?,
        day_started_at: time(row, "day_started_at")?,
        day_sends: row.try_get("day_sends")?,
    })
}

fn session(row: &SqliteRow) -> Result<Session, sqlx::Error> {
    let address: Option<&str> = row.try_get("address")?;
    Ok(Session {
        id: SessionId::from_bytes(bytes(row, "id")?),
        user_id: row.try_get("user_id")?,
        generation: row.try_get("generation")?,
        created_at: time(row, "created_at")?,
        refreshed_at: time(row, "refreshed_at")?,
        expires_at: time(row, "expires_at")?,
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(Timestamp::from_millis),
        client: Client {
            user_agent: row.try_get("user_agent")?,
            address: address.and_then(|address| address.parse().ok()),
        },
    })
}

impl ChallengeStore for SqliteStore {
    async fn open_challenge(&self, open: &OpenChallenge) -> StoreResult<Opening> {
        let mut write = self.begin().await?;
        let identity = open.identity.as_bytes().as_slice();
        let row = sqlx::query(
            "SELECT next_send_at, hour_started_at, hour_sends, day_started_at, day_sends \
             FROM otp_budgets WHERE identity = ?1 AND requester = ?2",
        )
        .bind(identity)
        .bind(open.requester as u8)
        .fetch_optional(&mut *write.transaction)
        .await?;
        let old = row.as_ref().map(budget).transpose()?;
        let spent = match Budget::spend(old, open.now, open.limits) {
            Ok(spent) => spent,
            Err(wait) => return Ok(Opening::Wait(wait)),
        };
        sqlx::query(
            "INSERT INTO otp_budgets (identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (identity, requester) DO UPDATE SET \
             next_send_at = ?3, hour_started_at = ?4, hour_sends = ?5, day_started_at = ?6, day_sends = ?7",
        )
        .bind(identity)
        .bind(open.requester as u8)
        .bind(spent.next_send_at.as_millis())
        .bind(spent.hour_started_at.as_millis())
        .bind(spent.hour_sends)
        .bind(spent.day_started_at.as_millis())
        .bind(spent.day_sends)
        .execute(&mut *write.transaction)
        .await?;
        let ticket =
            SendTicket { identity: open.identity, requester: open.requester, next_send_at: spent.next_send_at };

        let resumed = match open.resume {
            None => None,
            Some(resume) => {
                sqlx::query(
                    "SELECT nonce, expires_at FROM otp_challenges \
                     WHERE key = ?1 AND identity = ?2 AND consumed_at IS NULL AND expires_at > ?3 AND tries < ?4",
                )
                .bind(resume.key.as_bytes().as_slice())
                .bind(identity)
                .bind(open.now.as_millis())
                .bind(resume.max_tries)
                .fetch_optional(&mut *write.transaction)
                .await?
            }
        };
        let opening = if let Some(row) = resumed {
            Opening::Resumed {
                nonce: Nonce::from_bytes(bytes(&row, "nonce")?),
                expires_at: time(&row, "expires_at")?,
                ticket,
            }
        } else {
            sqlx::query(
                "INSERT INTO otp_challenges (key, identity, nonce, code_mac, created_at, expires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .bind(open.fresh.key.as_bytes().as_slice())
            .bind(identity)
            .bind(open.fresh.nonce.as_bytes().as_slice())
            .bind(open.fresh.code_mac.as_bytes().as_slice())
            .bind(open.now.as_millis())
            .bind(open.fresh.expires_at.as_millis())
            .execute(&mut *write.transaction)
            .await?;
            Opening::Opened(ticket)
        };
        write.commit().await?;
        Ok(opening)
    }

    async fn refund_send(&self, ticket: &SendTicket, now: Timestamp) -> StoreResult<()> {
        let refund = sqlx::query(
            "UPDATE otp_budgets SET next_send_at = ?1, hour_sends = max(hour_sends - 1, 0), day_sends = max(day_sends - 1, 0) \
             WHERE identity = ?2 AND requester = ?3 AND next_send_at = ?4",
        )
        .bind(now.as_millis())
        .bind(ticket.identity.as_bytes().as_slice())
        .bind(ticket.requester as u8)
        .bind(ticket.next_send_at.as_millis());
        self.write(refund).await?;
        Ok(())
    }

    async fn count_try(&self, key: &ChallengeKey, cap: u32) -> StoreResult<Option<CountedTry>> {
        let counting = sqlx::query(
            "UPDATE otp_challenges SET tries = min(tries + 1, ?2) WHERE key = ?1 \
             RETURNING tries, identity, code_mac, expires_at",
        )
        .bind(key.as_bytes().as_slice())
        .bind(cap);
        let Some(row) = self.write(counting).await? else {
            return Ok(None);
        };
        Ok(Some(CountedTry {
            number: row.try_get("tries")?,
            identity: Identity::from_bytes(bytes(&row, "identity")?),
            code_mac: optional_bytes(&row, "code_mac")?.map(CodeMac::from_bytes),
            expires_at: time(&row, "expires_at")?,
        }))
    }
}

/// Revokes a session and blacklists its id; whether it was revoked by this.
async fn revoke(connection: &mut SqliteConnection, id: SessionId, revocation: Revocation) -> Result<bool, sqlx::Error> {
    let revoked = sqlx::query("UPDATE otp_sessions SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL")
        .bind(id.as_bytes().as_slice())
        .bind(revocation.now.as_millis())
        .execute(&mut *connection)
        .await?;
    blacklist(connection, id.as_bytes(), BlacklistKind::Session, revocation).await?;
    Ok(revoked.rows_affected() > 0)
}

async fn blacklist(
    connection: &mut SqliteConnection,
    id: &[u8; 16],
    kind: BlacklistKind,
    revocation: Revocation,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO token_blacklist (id, type, blacklisted_at, expires_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (id) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
    )
    .bind(id.as_slice())
    .bind(kind.as_str())
    .bind(revocation.now.as_millis())
    .bind(revocation.blacklist_until.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Revokes every session of a user and blacklists their ids.
async fn revoke_all(
    connection: &mut SqliteConnection,
    user_id: &str,
    revocation: Revocation,
) -> Result<u64, sqlx::Error> {
    sqlx::query(
        "INSERT INTO token_blacklist (id, type, blacklisted_at, expires_at) \
         SELECT id, 'session', ?2, ?3 FROM otp_sessions WHERE user_id = ?1 AND revoked_at IS NULL \
         ON CONFLICT (id) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
    )
    .bind(user_id)
    .bind(revocation.now.as_millis())
    .bind(revocation.blacklist_until.as_millis())
    .execute(&mut *connection)
    .await?;
    let revoked = sqlx::query("UPDATE otp_sessions SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL")
        .bind(user_id)
        .bind(revocation.now.as_millis())
        .execute(connection)
        .await?;
    Ok(revoked.rows_affected())
}

impl SessionStore for SqliteStore {
    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        let row = sqlx::query(
            "SELECT id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address \
             FROM otp_sessions WHERE id = ?1",
        )
        .bind(id.as_bytes().as_slice())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.as_ref().map(session).transpose()?)
    }

    async fn advance(&self, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let advancing = sqlx::query(
            "UPDATE otp_sessions SET generation = generation + 1, refreshed_at = ?3 \
             WHERE id = ?1 AND generation = ?2 AND revoked_at IS NULL AND expires_at > ?3 \
             RETURNING id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address",
        )
        .bind(id.as_bytes().as_slice())
        .bind(generation)
        .bind(now.as_millis());
        if let Some(row) = self.write(advancing).await? {
            return Ok(Advance::Advanced(session(&row)?));
        }
        // A session only ever moves on, so what is read now is at least as
        // far as what made the swap fail.
        Ok(self.session(id).await?.map_or(Advance::Unknown, Advance::Unchanged))
    }

    async fn revoke_session(&self, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        let mut write = self.begin().await?;
        let revoked = revoke(&mut write.transaction, id, revocation).await?;
        write.commit().await?;
        Ok(revoked)
    }

    async fn revoke_user_sessions(&self, user_id: &str, revocation: Revocation) -> StoreResult<u64> {
        let mut write = self.begin().await?;
        let revoked = revoke_all(&mut write.transaction, user_id, revocation).await?;
        write.commit().await?;
        Ok(revoked)
    }

    async fn user_sessions(&self, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let rows = sqlx::query(
            "SELECT id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address \
             FROM otp_sessions WHERE user_id = ?1 AND revoked_at IS NULL AND expires_at > ?2 \
             ORDER BY created_at DESC, id DESC",
        )
        .bind(user_id)
        .bind(now.as_millis())
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(session).collect::<Result<_, _>>()?)
    }

    async fn blacklist_token(&self, id: TokenId, revocation: Revocation) -> StoreResult<()> {
        let mut write = self.begin().await?;
        blacklist(&mut write.transaction, id.as_bytes(), BlacklistKind::Token, revocation).await?;
        write.commit().await?;
        Ok(())
    }
}

/// The arguments of a statement whose first parameter is a user's id.
fn with_id<U: SqliteUser>(id: &U::Id) -> Result<user::Arguments, sqlx::Error> {
    let mut arguments = user::Arguments::default();
    U::bind_id(id, &mut arguments)?;
    Ok(arguments)
}

async fn user_by_email<U: SqliteUser>(
    connection: &mut SqliteConnection,
    email: &str,
) -> Result<Option<U>, sqlx::Error> {
    let row = sqlx::query(U::SELECT_BY_EMAIL).bind(email).fetch_optional(connection).await?;
    row.as_ref().map(U::from_row).transpose()
}

impl<U: SqliteUser> UserStore<U> for SqliteStore {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
        let mut connection = self.pool.acquire().await?;
        Ok(user_by_email(&mut connection, email).await?)
    }

    async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
        let arguments = with_id::<U>(id)?;
        let row = sqlx::query_with(U::SELECT_BY_ID, arguments).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(U::from_row).transpose()?)
    }

    async fn current_user(&self, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        let arguments = with_id::<U>(id)?;
        let row = sqlx::query_with(U::SELECT_CURRENT, arguments)
            .bind(token.session.as_bytes().as_slice())
            .bind(token.token.as_bytes().as_slice())
            .bind(now.as_millis())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.as_ref().map(U::from_row).transpose()?)
    }

    async fn sign_in(&self, sign_in: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
        let SignIn { challenge, code_mac, account, session, replaces, revocation } = sign_in;
        let mut write = self.begin().await?;
        let accepted = sqlx::query(
            "UPDATE otp_challenges SET consumed_at = ?3, nonce = NULL, code_mac = NULL \
             WHERE key = ?1 AND code_mac = ?2 AND consumed_at IS NULL AND expires_at > ?3",
        )
        .bind(challenge.as_bytes().as_slice())
        .bind(code_mac.as_bytes().as_slice())
        .bind(revocation.now.as_millis())
        .execute(&mut *write.transaction)
        .await?;
        if accepted.rows_affected() == 0 {
            return Ok(SignInOutcome::CodeSpent);
        }
        let (mut user, created) = match account {
            Account::Existing(user) => (user, false),
            Account::New(email) => match user_by_email::<U>(&mut write.transaction, &email).await? {
                Some(user) => (user, false),
                None => (insert_user::<U>(&mut write.transaction, &email).await?, true),
            },
        };
        let session = session.of_user(user.id().to_string());
        if !created && user.verified() != Some(true) && mark_verified(&mut write.transaction, &user).await? {
            revoke_all(&mut write.transaction, &session.user_id, revocation).await?;
        }
        user.mark_verified();
        if let Some(older) = replaces {
            revoke(&mut write.transaction, older, revocation).await?;
        }
        insert_session(&mut write.transaction, &session).await?;
        write.commit().await?;
        Ok(SignInOutcome::SignedIn { user, session, created })
    }
}

/// Adds a user. That nobody added one with the same address since the look-up
/// is sure, because this transaction holds the write lock.
async fn insert_user<U: SqliteUser>(connection: &mut SqliteConnection, email: &str) -> Result<U, sqlx::Error> {
    let mut arguments = user::Arguments::default();
    U::bind_new(email, &mut arguments)?;
    let rows = sqlx::query_with(U::INSERT, arguments).fetch_all(connection).await?;
    rows.first().map_or(Err(sqlx::Error::RowNotFound), U::from_row)
}

/// Whether the user was unverified until now.
async fn mark_verified<U: SqliteUser>(connection: &mut SqliteConnection, user: &U) -> Result<bool, sqlx::Error> {
    let Some(statement) = U::MARK_VERIFIED else {
        return Ok(false);
    };
    let marked = sqlx::query_with(statement, with_id::<U>(user.id())?).execute(connection).await?;
    Ok(marked.rows_affected() > 0)
}

async fn insert_session(connection: &mut SqliteConnection, session: &Session) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO otp_sessions (id, user_id, generation, created_at, refreshed_at, expires_at, user_agent, address) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(session.id.as_bytes().as_slice())
    .bind(&session.user_id)
    .bind(session.generation)
    .bind(session.created_at.as_millis())
    .bind(session.refreshed_at.as_millis())
    .bind(session.expires_at.as_millis())
    .bind(&session.client.user_agent)
    .bind(session.client.address.map(|address| address.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

impl Maintenance for SqliteStore {
    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        // One short transaction a table: writers get in between.
        Ok(Removed {
            challenges: self
                .delete(
                    "DELETE FROM otp_challenges WHERE key IN (SELECT key FROM otp_challenges WHERE expires_at <= ?1 LIMIT ?2)",
                    now.as_millis(),
                    limit,
                )
                .await?,
            budgets: self
                .delete(
                    "DELETE FROM otp_budgets WHERE (identity, requester) IN \
                     (SELECT identity, requester FROM otp_budgets WHERE day_started_at <= ?1 - 86400000 AND next_send_at <= ?1 LIMIT ?2)",
                    now.as_millis(),
                    limit,
                )
                .await?,
            sessions: self
                .delete("DELETE FROM otp_sessions WHERE id IN (SELECT id FROM otp_sessions WHERE expires_at <= ?1 LIMIT ?2)", now.as_millis(), limit)
                .await?,
            blacklisted: self
                .delete(
                    "DELETE FROM token_blacklist WHERE id IN (SELECT id FROM token_blacklist WHERE expires_at <= ?1 LIMIT ?2)",
                    now.as_millis(),
                    limit,
                )
                .await?,
        })
    }
}
