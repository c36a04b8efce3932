//! Makes its own TLS connections with rustls and ring, beside the store that the first argument
//! names. The second argument says what happens first: `installed` installs ring, and `connect`
//! connects the store by its URL to a server that hangs up when TLS begins.

use std::env;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use otp_auth::{MongoStore, MySqlStore, PostgresStore};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use sqlx::{MySqlPool, PgPool};

/// Nothing listens here: these stores connect on first use.
const NOWHERE: &str = "127.0.0.1:1/nowhere";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let before = arguments.get(1).map(String::as_str);
    if before == Some("installed") {
        ring::default_provider().install_default().unwrap();
    }
    match arguments[0].as_str() {
        store if before == Some("connect") => connect(store).await,
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

/// No certificate arrives, which is an error regardless of the required verification.
async fn connect(store: &str) {
    let error = match store {
        "postgres" => {
            let server = server(b"", 8, b"S");
            PostgresStore::connect(&format!("postgres://otp@{server}/otp?sslmode=verify-ca")).await.unwrap_err()
        }
        "mysql" => {
            let server = server(MYSQL_GREETING, 36, b"");
            MySqlStore::connect(&format!("mysql://otp@{server}/otp?ssl-mode=VERIFY_CA")).await.unwrap_err()
        }
        "mongodb" => {
            let server = server(b"", 0, b"");
            let url = format!("mongodb://{server}/?tls=true&serverSelectionTimeoutMS=100");
            MongoStore::connect(&url, "otp").await.unwrap_err()
        }
        other => panic!("no store is called {other}"),
    };
    eprintln!("{error}");
}

/// A server that greets, reads a number of bytes, answers, and hangs up. Returns its address.
fn server(greeting: &'static [u8], reads: usize, answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            connection.write_all(greeting).unwrap();
            connection.read_exact(&mut vec![0; reads]).unwrap();
            connection.write_all(answer).unwrap();
        }
    });
    address
}

/// The greeting of a server with the capabilities `CONNECT_WITH_DB`, `PROTOCOL_41`, `SSL`,
/// `SECURE_CONNECTION` and `PLUGIN_AUTH`.
const MYSQL_GREETING: &[u8] = b"\x49\0\0\0\
    \x0a8.0.0\0\x01\0\0\0abcdefgh\0\x08\x8a\x2d\x02\0\x08\0\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0";
