//! One side as its client sees it: the process, its connections, and the
//! codes that it sends.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::oneshot;

use crate::server::USERS;
use crate::{Result, Side, core};

/// A server that runs. It ends when this is dropped.
pub(crate) struct Server {
    port: u16,
    codes: Codes,
    known: AtomicU64,
    new: AtomicU64,
    child: Child,
}

/// Who waits for the code to which address.
type Codes = Arc<Mutex<HashMap<String, oneshot::Sender<String>>>>;

/// One connection, kept alive.
pub(crate) struct Connection(SendRequest<Full<Bytes>>);

#[derive(Deserialize)]
struct Requested {
    challenge: String,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
}

impl Server {
    pub(crate) async fn start(executable: &Path, side: Side, directory: &Path, cpu: Option<usize>) -> Result<Self> {
        let mut child = Command::new(executable)
            .args(["server", side.name()])
            .arg(directory)
            .args(cpu.map(|cpu| cpu.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("the server has no output")?).lines();
        let port = lines.next_line().await?.ok_or("the server did not start")?.parse()?;
        let codes = Codes::default();
        tokio::spawn(deliver(lines, Arc::clone(&codes)));
        Ok(Self { port, codes, known: AtomicU64::new(1), new: AtomicU64::new(1), child })
    }

    /// How long the server has been busy, where that can be told.
    pub(crate) fn busy(&self) -> Option<Duration> {
        self.child.id().and_then(core::busy)
    }

    pub(crate) async fn connect(&self) -> Result<Connection> {
        Connection::over(TcpStream::connect(("127.0.0.1", self.port)).await?).await
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The bytes of memory that the server uses, where that can be told.
    pub(crate) fn memory(&self) -> Option<u64> {
        self.child.id().and_then(core::memory)
    }

    /// The address of somebody who is in the table, each only once: a second
    /// code for one address would have to wait.
    pub(crate) fn known_address(&self) -> Result<String> {
        let number = self.known.fetch_add(1, Ordering::Relaxed);
        if number > USERS {
            return Err("there are too few users in the table".into());
        }
        Ok(format!("user{number}@example.com"))
    }

    /// An address that is not in the table.
    pub(crate) fn new_address(&self) -> String {
        format!("new{}@example.com", self.new.fetch_add(1, Ordering::Relaxed))
    }

    /// Asks for a code and signs in with it; the access token.
    pub(crate) async fn sign_in(&self, connection: &mut Connection, email: &str) -> Result<String> {
        let code = self.code_to(email);
        let answer = connection.post("/auth/request-otp", request_body(email)).await?;
        let answer = connection.post("/auth/verify-otp", verify_body(email, &code.await?, &answer)?).await?;
        let Tokens { access_token } = serde_json::from_slice(&answer)?;
        Ok(access_token)
    }

    /// The next code for this address, as soon as it is sent.
    pub(crate) fn code_to(&self, email: &str) -> oneshot::Receiver<String> {
        let (sender, code) = oneshot::channel();
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).insert(email.to_owned(), sender);
        code
    }
}

/// The body of a request for a code.
pub(crate) fn request_body(email: &str) -> String {
    format!(r#"{{"email":"{email}"}}"#)
}

/// The body that signs in, after that answer to a request for a code.
pub(crate) fn verify_body(email: &str, code: &str, requested: &[u8]) -> Result<String> {
    let Requested { challenge } = serde_json::from_slice(requested)?;
    Ok(format!(r#"{{"email":"{email}","code":"{code}","challenge":"{challenge}"}}"#))
}

/// Hands each code that the server prints to whoever waits for it.
async fn deliver(mut lines: Lines<BufReader<ChildStdout>>, codes: Codes) {
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((address, code)) = line.split_once(' ')
            && let Some(waiting) = codes.lock().unwrap_or_else(PoisonError::into_inner).remove(address)
        {
            let _ = waiting.send(code.to_owned());
        }
    }
}

impl Connection {
    pub(crate) async fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub(crate) async fn get(&mut self, path: &str, token: &str) -> Result<Bytes> {
        let request = Request::builder().uri(path).header(AUTHORIZATION, format!("Bearer {token}"));
        let answer = self.exchange(request.header(HOST, "127.0.0.1").body(Full::default())?).await?;
        good(path, answer)
    }

    async fn post(&mut self, path: &str, body: String) -> Result<Bytes> {
        let answer = self.answer(path, body).await?;
        good(path, answer)
    }

    /// The status and body of the answer, whatever they are.
    pub(crate) async fn answer(&mut self, path: &str, body: String) -> Result<(u16, Bytes)> {
        let request = Request::builder().method(Method::POST).uri(path).header(CONTENT_TYPE, "application/json");
        self.exchange(request.header(HOST, "127.0.0.1").body(Full::from(body))?).await
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<(u16, Bytes)> {
        self.0.ready().await?;
        let answer = self.0.send_request(request).await?;
        let status = answer.status().as_u16();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}

/// Every answer must be a 200; nothing else is asserted.
fn good(path: &str, (status, body): (u16, Bytes)) -> Result<Bytes> {
    if status == 200 { Ok(body) } else { Err(format!("{path} was answered with {status}").into()) }
}
