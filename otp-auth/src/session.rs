//! Sessions: what a presented refresh token means. Pure rules: no I/O, and
//! the time is a value.

use std::net::IpAddr;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::SessionId;

/// One sign-in, as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, `sid` in every token of it.
    pub id: SessionId,
    /// The user's id, in its text form.
    pub user_id: String,
    /// How often it was refreshed; the refresh token in use carries the same
    /// number.
    pub generation: u32,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the refresh token in use was made.
    pub refreshed_at: Timestamp,
    /// When it ends; fixed at sign-in.
    pub expires_at: Timestamp,
    /// When it was signed out or ended.
    pub revoked_at: Option<Timestamp>,
    /// What the user would recognise it by.
    pub client: Client,
}

/// What a user would recognise a session by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Client {
    /// The `User-Agent` of the sign-in, without control characters and at
    /// most 256 bytes.
    pub user_agent: Option<String>,
    /// The address it came from. Behind a proxy this is the proxy's.
    pub address: Option<IpAddr>,
}

impl Client {
    /// Cleans what a client said about itself.
    #[must_use]
    pub fn new(user_agent: Option<&str>, address: Option<IpAddr>) -> Self {
        let clean = |text: &str| {
            let mut kept = String::new();
            for c in text.chars().filter(|c| !c.is_control()) {
                if kept.len() + c.len_utf8() > 256 {
                    break;
                }
                kept.push(c);
            }
            kept
        };
        Self {
            user_agent: user_agent.map(clean).filter(|text| !text.is_empty()),
            address: address.map(|address| address.to_canonical()),
        }
    }
}

/// What a refresh token of a certain generation is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented {
    /// It is the one in use: replace it.
    Current,
    /// It was replaced just now, by a request that ran at the same time or
    /// whose answer was lost: hand out the same successor again.
    JustReplaced,
    /// It is the successor of the one in use: it was handed out, and then the
    /// store lost the replacement in a crash. Replace it again.
    Ahead,
    /// Its successor is in use: somebody has a copy (RFC 9700 section
    /// 4.14.2).
    Reused,
    /// The session was signed out or ended.
    Revoked,
    /// The session is over.
    Expired,
}

/// Judges a refresh token whose signature is right.
pub(crate) fn judge(session: &Session, generation: u32, now: Timestamp, grace: Duration) -> Presented {
    if session.revoked_at.is_some() {
        return Presented::Revoked;
    }
    if now >= session.expires_at {
        return Presented::Expired;
    }
    if generation == session.generation {
        return Presented::Current;
    }
    // A grace of zero accepts nothing, not even in the same millisecond.
    let within_grace = now < session.refreshed_at + grace;
    if generation.checked_add(1) == Some(session.generation) && within_grace {
        return Presented::JustReplaced;
    }
    if session.generation.checked_add(1) == Some(generation) {
        return Presented::Ahead;
    }
    // Older ones, and those that are further ahead: the latter mean that the
    // table was set back, and then nothing about it can be trusted.
    Presented::Reused
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    fn session() -> Session {
        Session {
            id: SessionId::from_bytes([1; 16]),
            user_id: "1".to_owned(),
            generation: 5,
            created_at: at(0),
            refreshed_at: at(100_000),
            expires_at: at(200_000),
            revoked_at: None,
            client: Client::default(),
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn rt_01_rt_02_t20_only_the_last_but_one_has_a_grace() {
        for (generation, millis, expected) in [
            (5, 100_000, Presented::Current),
            (5, 199_999, Presented::Current),
            (4, 100_000, Presented::JustReplaced),
            (4, 109_999, Presented::JustReplaced),
            (4, 110_000, Presented::Reused),
            (3, 100_000, Presented::Reused),
            (0, 100_000, Presented::Reused),
            (6, 100_000, Presented::Ahead),
            (6, 199_999, Presented::Ahead),
            (7, 100_000, Presented::Reused),
            (u32::MAX, 100_000, Presented::Reused),
        ] {
            assert_eq!(judge(&session(), generation, at(millis), GRACE), expected, "{generation} at {millis}");
        }
    }

    #[test]
    fn a_grace_of_zero_is_none() {
        assert_eq!(judge(&session(), 4, at(100_000), Duration::ZERO), Presented::Reused);
    }

    #[test]
    fn rt_04_rt_07_a_session_ends_at_its_millisecond() {
        for generation in [5, 4, 3] {
            assert_eq!(judge(&session(), generation, at(200_000), GRACE), Presented::Expired);
        }
    }

    #[test]
    fn out_01_a_revoked_session_stays_revoked() {
        let revoked = Session { revoked_at: Some(at(100_000)), ..session() };
        for generation in [5, 4, 3] {
            for millis in [100_000, 300_000] {
                assert_eq!(judge(&revoked, generation, at(millis), GRACE), Presented::Revoked);
            }
        }
    }

    #[test]
    fn log_08_what_a_client_says_about_itself_is_cleaned() {
        let client = Client::new(Some("Agent\u{1b}[31m\r\nforged: line"), "::ffff:10.0.0.1".parse().ok());
        assert_eq!(client.user_agent.as_deref(), Some("Agent[31mforged: line"));
        assert_eq!(client.address, "10.0.0.1".parse().ok());
        assert_eq!(Client::new(Some(&"ü".repeat(1_000)), None).user_agent.unwrap().len(), 256);
        assert_eq!(Client::new(Some("\r\n"), None).user_agent, None);
    }
}
