//! Sends codes with the sender that the documentation shows.

use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use otp_auth::{OtpMessage, SendError, SendOtp};

struct Smtp {
    from: Mailbox,
    relay: AsyncSmtpTransport<Tokio1Executor>,
}

impl SendOtp for Smtp {
    async fn send_otp(&self, message: OtpMessage<'_>) -> Result<(), SendError> {
        let to: Mailbox = message.address.parse().map_err(SendError::permanent)?;
        let mail = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject("Your code")
            .body(format!("Your code is {}.", message.code))
            .map_err(SendError::new)?;
        match self.relay.send(mail).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(SendError::permanent(error)),
            Err(error) if error.is_timeout() => Err(SendError::unknown(error)),
            Err(error) => Err(SendError::new(error)),
        }
    }
}

use lettre::transport::smtp::PoolConfig;
use otp_auth::{AuthError, MemoryStore, OtpAuth, OtpUser, otp_config, auth::CodeRequest};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpListener;

#[derive(Clone, OtpUser)]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(user = User, secret_key = env("OTP_AUTH_SECRET"))]
struct Auth {
    #[otp(sender)]
    sender: Smtp,
}

/// Accepts mail for Ann and rejects all other mail as mail servers do. Returns what it accepted.
async fn serve(listener: TcpListener) -> String {
    let (mut mail, mut reading) = (String::new(), false);
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufStream::new(stream);
    stream.write_all(b"220 ready\r\n").await.unwrap();
    loop {
        stream.flush().await.unwrap();
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return mail;
        }
        let answer = match line.trim_end() {
            "." if reading => "250 taken",
            _ if reading => {
                mail.push_str(&line);
                continue;
            }
            "DATA" => "354 go on",
            "QUIT" => return mail,
            refused if refused.starts_with("RCPT") && !refused.contains("<ann@") => {
                "550 5.1.1 <bob@example.com>: no such user"
            }
            _ => "250 fine",
        };
        reading = answer.starts_with("354");
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for (address, taken) in [("ann@example.com", true), ("bob@example.com", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(serve(listener));
        let relay = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
            .port(port)
            .pool_config(PoolConfig::new().max_size(0));
        let sender = Smtp { from: "Shop <codes@example.com>".parse().unwrap(), relay: relay.build() };
        let store = MemoryStore::new(|new| User { id: new.number, email: new.email.to_owned() });
        let auth = OtpAuth::new(Auth { sender }, store).unwrap();
        let requested = auth.request_code(CodeRequest::new(address)).await;
        drop(auth);
        let mail = server.await.unwrap();
        assert_eq!(mail.contains("Your code is "), taken, "{mail}");
        match requested {
            Ok(_) => assert!(taken),
            Err(error) => assert!(!taken && matches!(error, AuthError::AddressRefused), "{error}"),
        }
    }
}
