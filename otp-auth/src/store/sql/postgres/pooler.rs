//! The only way from a store to its pool, directly or through a pooler such as `pgbouncer`.
//!
//! A pooler in transaction mode gives each transaction any free server connection. A prepared
//! statement belongs to one server connection, so on the next one its name may be another client's
//! statement: the server would execute that with our values. So behind such a pooler every
//! operation is a transaction, which stays on one server connection, and first discards everything
//! that was prepared there.

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgQueryResult, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Connection as _, Row as _, SqlSafeStr, Transaction};

use super::PostgresStore;

/// A call that waits for a lock holds a connection, so it does not wait for longer than its caller.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '4s'";

/// A single simple query, so the additional statements cost no round trip.
const BEGIN_POOLED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '4s'; DEALLOCATE ALL";

/// How poolers reject `options`: `pgbouncer`, and RDS Proxy of AWS.
const NOT_PASSED_ON: [&str; 2] = ["08P01", "0A000"];

type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// How statements reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Directly, or through a pooler that renames prepared statements.
    Named,
    /// Through a pooler for which a name means nothing after the transaction.
    Pooled,
}

impl Route {
    /// Detects the route, on separate connections.
    pub(super) async fn find(options: &PgConnectOptions) -> Result<Self, sqlx::Error> {
        let options = options.clone().extra_float_digits(None::<i8>);
        if is_direct(&options).await? || keeps_statements_apart(&options).await? {
            return Ok(Self::Named);
        }
        Ok(Self::Pooled)
    }
}

/// Whether the server itself responds: only it knows a setting that was sent with the connection. A
/// pooler rejects the setting with its own error, or drops it.
async fn is_direct(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut connection = match PgConnection::connect_with(&options.clone().options([("otp_auth.direct", "1")])).await {
        Ok(connection) => connection,
        // A temporary error proves nothing: too many connections, or a server that is starting or
        // stopping.
        Err(sqlx::Error::Database(error)) if !is_of_the_moment(error.code().as_deref()) => return Ok(false),
        Err(error) => return Err(error),
    };
    let row = sqlx::raw_sql("SELECT current_setting('otp_auth.direct', true)").fetch_one(&mut connection).await?;
    let direct = row.try_get::<Option<String>, _>(0)?.as_deref() == Some("1");
    let _ = connection.close().await;
    if !direct && options.get_options().is_some() {
        return Err(not_passed_on("silently drops them (`ignore_startup_parameters`)"));
    }
    Ok(direct)
}

/// Insufficient resources, operator intervention.
fn is_of_the_moment(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("53") || code.starts_with("57"))
}

/// Whether the pooler renames prepared statements, as `pgbouncer` does with
/// `max_prepared_statements`. The query runs in a transaction, so that the statement that is
/// prepared is the one that is executed.
async fn keeps_statements_apart(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut connection = match PgConnection::connect_with(options).await {
        Ok(connection) => connection,
        Err(error) if options.get_options().is_some() && NOT_PASSED_ON.iter().any(|code| is(&error, code)) => {
            return Err(not_passed_on(&format!("responds: {error}")));
        }
        Err(error) => return Err(error),
    };
    let mut transaction = connection.begin().await?;
    let names: Result<Vec<String>, _> = sqlx::query_scalar(
        "SELECT name FROM pg_prepared_statements /* otp_auth */ WHERE statement LIKE '%/* otp_auth */%'",
    )
    .fetch_all(&mut *transaction)
    .await;
    let apart = match names {
        Ok(names) => names.iter().any(|name| name.starts_with("PGBOUNCER_")),
        // Another client has a statement with this name there.
        Err(error) if is(&error, "42P05") => false,
        Err(error) => return Err(error),
    };
    transaction.rollback().await?;
    let _ = connection.close().await;
    Ok(apart)
}

/// Without its `options`, a connection has another schema, where the tables would be created, or
/// another application's found.
fn not_passed_on(what: &str) -> sqlx::Error {
    let text = format!(
        "the pooler in front of PostgreSQL must forward the `options` of the URL, but {what}; remove them, and set the schema with `ALTER ROLE … SET search_path = …`"
    );
    sqlx::Error::Configuration(text.into())
}

fn is(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() == Some(code)
}

async fn begin_on(
    connection: PoolConnection<Postgres>,
    route: Route,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let statement = if route == Route::Pooled { BEGIN_POOLED } else { BEGIN };
    let mut transaction = Transaction::begin(connection, Some(statement.into_sql_str())).await?;
    // What the application's pool has cached was prepared on another server connection.
    if route == Route::Pooled && transaction.cached_statements_size() > 0 {
        transaction.clear_cached_statements().await?;
    }
    Ok(transaction)
}

/// Runs one statement: as it is on a direct connection, otherwise in a transaction.
macro_rules! single {
    ($name:ident -> $result:ty) => {
        pub(super) async fn $name(&self, statement: Statement<'_>) -> Result<$result, sqlx::Error> {
            if self.route().await? == Route::Named {
                return statement.$name(&self.pool).await;
            }
            let mut transaction = self.begin().await?;
            let result = statement.$name(&mut *transaction).await?;
            transaction.commit().await?;
            Ok(result)
        }
    };
}

impl PostgresStore {
    single!(execute -> PgQueryResult);
    single!(fetch_one -> PgRow);
    single!(fetch_optional -> Option<PgRow>);
    single!(fetch_all -> Vec<PgRow>);

    /// Detected at first use. A failed attempt is repeated.
    pub(super) async fn route(&self) -> Result<Route, sqlx::Error> {
        let find = || async { Route::find(&self.pool.connect_options()).await };
        self.route.get_or_try_init(find).await.copied()
    }

    /// Begins a transaction at the isolation level that the contracts rest on, whatever the
    /// database's default. Dropping it at any point rolls it back.
    ///
    /// If no one waits for the response to `BEGIN`, sqlx does not know that there is a transaction
    /// and returns the connection to the pool with it: the next caller's writes are never
    /// committed. So a separate task always waits. If its caller is gone, the task drops the
    /// transaction.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let route = self.route().await?;
        let connection = self.pool.acquire().await?;
        let beginning = tokio::spawn(begin_on(connection, route));
        beginning.await.unwrap_or(Err(sqlx::Error::BeginFailed))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    use sqlx::postgres::PgSslMode;

    use super::*;

    /// Rejects one connection after the other with these codes. At the end, returns which of them
    /// had `options`.
    fn refusing(codes: [&'static str; 2]) -> (PgConnectOptions, JoinHandle<Vec<bool>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("otp");
        let serve = move |code| {
            let (mut connection, _) = listener.accept().unwrap();
            let mut length = [0; 4];
            connection.read_exact(&mut length).unwrap();
            let mut parameters = vec![0; u32::from_be_bytes(length) as usize - 4];
            connection.read_exact(&mut parameters).unwrap();
            let fields = format!("SFATAL\0VFATAL\0C{code}\0Mrefused\0\0");
            connection.write_all(b"E").unwrap();
            connection.write_all(&u32::try_from(fields.len() + 4).unwrap().to_be_bytes()).unwrap();
            connection.write_all(fields.as_bytes()).unwrap();
            parameters.windows(8).any(|parameter| parameter == b"options\0")
        };
        (options.ssl_mode(PgSslMode::Disable), thread::spawn(move || codes.into_iter().map(serve).collect()))
    }

    /// RDS Proxy returns 0A000 where `pgbouncer` returns 08P01.
    #[tokio::test]
    async fn whoever_refuses_the_setting_is_asked_again_without_it() {
        for code in ["08P01", "0A000", "XX000"] {
            let (options, server) = refusing([code, "28P01"]);
            let error = Route::find(&options).await.unwrap_err();
            assert!(is(&error, "28P01"), "{code}: {error}");
            assert_eq!(server.join().unwrap(), [true, false]);
        }
    }

    /// A temporary error does not reveal who responds: there is no second attempt, and nothing is
    /// remembered.
    #[tokio::test]
    async fn a_server_that_has_no_room_is_no_pooler() {
        for code in ["53300", "57P03"] {
            let (options, _) = refusing([code, code]);
            let error = Route::find(&options).await.unwrap_err();
            assert!(is(&error, code), "{code}: {error}");
        }
    }

    #[tokio::test]
    async fn options_that_are_not_passed_on_are_an_error() {
        for code in ["08P01", "0A000"] {
            let (options, server) = refusing([code, code]);
            let error = Route::find(&options.options([("search_path", "app")])).await.unwrap_err();
            assert!(error.to_string().contains("must forward the `options` of the URL"), "{code}: {error}");
            assert_eq!(server.join().unwrap(), [true, true]);
        }
    }

    #[test]
    fn statements_reach_the_pool_here_only() {
        for (file, text) in [
            ("postgres.rs", include_str!("../postgres.rs")),
            ("blacklist.rs", include_str!("blacklist.rs")),
            ("challenges.rs", include_str!("challenges.rs")),
            ("check.rs", include_str!("check.rs")),
            ("sessions.rs", include_str!("sessions.rs")),
            ("user.rs", include_str!("user.rs")),
        ] {
            for way in ["(&self.pool)", "(&self.pool,", "pool.acquire", "pool.begin"] {
                assert!(!text.contains(way), "{file}: {way}");
            }
        }
    }
}
