//! Makes TLS connections of its own with rustls and ring, beside the store
//! that its argument names. With a second argument, ring is installed first.

use std::env;

use otp_auth::{MongoStore, MySqlStore, PostgresStore};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use sqlx::{MySqlPool, PgPool};

/// Nobody is asked: these connect when they are used.
const NOWHERE: &str = "127.0.0.1:1/nowhere";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if arguments.len() == 2 {
        ring::default_provider().install_default().unwrap();
    }
    match arguments[0].as_str() {
        "postgres" => drop(PostgresStore::from_pool(PgPool::connect_lazy(&format!("postgres://{NOWHERE}")).unwrap())),
        "mysql" => drop(MySqlStore::from_pool(MySqlPool::connect_lazy(&format!("mysql://{NOWHERE}")).unwrap())),
        "mongodb" => {
            let client = mongodb::Client::with_uri_str(format!("mongodb://{NOWHERE}")).await.unwrap();
            drop(MongoStore::from_database(client.database("nowhere")));
        }
        other => panic!("no store is called {other}"),
    }
    ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    println!("{:?}", CryptoProvider::get_default().unwrap().secure_random);
}
