//! The servers, and a database for each test.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};

use mongodb::Client;
use mongodb::bson::oid::ObjectId;
use mongodb::options::ClientOptions;
use otp_auth::MongoStore;

/// A server, by the environment variable with its URL.
#[derive(Clone, Copy)]
pub(crate) struct Server(&'static str);

pub(crate) const REPLICA_SET: Server = Server("OTP_AUTH_MONGODB_URL");
pub(crate) const STANDALONE: Server = Server("OTP_AUTH_MONGODB_STANDALONE_URL");

impl Server {
    /// With few connections, because all tests share the server.
    pub(super) fn url(self) -> String {
        let url = std::env::var(self.0).unwrap_or_else(|_| {
            panic!("{} is not set: run `scripts/servers start` and set what it prints, or run scripts/test", self.0)
        });
        format!("{url}{}maxPoolSize=4", if url.contains('?') { '&' } else { '?' })
    }

    /// The options of a client, for tests that change them.
    pub(super) async fn options(self) -> ClientOptions {
        ClientOptions::parse(self.url()).await.unwrap()
    }

    pub(crate) async fn store(self, database: &str) -> MongoStore {
        LEFT.with_borrow_mut(|left| left.0.push((self, database.to_owned())));
        MongoStore::connect(&self.url(), database).await.unwrap()
    }

    pub(super) async fn migrated(self, database: &str) -> MongoStore {
        let store = self.store(database).await;
        store.migrate().await.unwrap();
        store
    }

    /// The URL of an unused database.
    pub(crate) fn fresh_url(self) -> String {
        let name = database();
        LEFT.with_borrow_mut(|left| left.0.push((self, name.clone())));
        with_database(&self.url(), &name)
    }

    pub(crate) async fn fresh_store(self) -> MongoStore {
        self.migrated(&database()).await
    }
}

/// A URL with options and no database, with this database added.
pub(crate) fn with_database(url: &str, name: &str) -> String {
    url.replacen("/?", &format!("/{name}?"), 1)
}

/// The name of an unused database.
pub(super) fn database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("otp_{}_{}", ObjectId::new().to_hex(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The databases of a test. They are dropped with its thread, because hundreds of them, each with a
/// file for every index, are more than a server can hold open.
struct Left(Vec<(Server, String)>);

thread_local! {
    static LEFT: RefCell<Left> = const { RefCell::new(Left(Vec::new())) };
}

impl Drop for Left {
    fn drop(&mut self) {
        let databases = std::mem::take(&mut self.0);
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                for (server, database) in databases {
                    let client = Client::with_uri_str(server.url()).await.map_err(std::io::Error::other)?;
                    client.database(&database).drop().await.map_err(std::io::Error::other)?;
                }
                Ok::<(), std::io::Error>(())
            })
        });
        // The server may be gone, and the databases with it.
        let _ = removed.join();
    }
}
