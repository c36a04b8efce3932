//! Sessions, as stores keep them and users see them. The rules for refresh tokens are pure: no I/O,
//! and the time is passed in.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use crate::binding::Binding;
use crate::clock::Timestamp;
pub use crate::id::{ParseIdError, SessionId, SubjectId, TokenId};
pub use crate::methods::{AuthMethods, InvalidAuthMethods};

/// How long a lost response to a refresh can be recovered. It covers a client that sleeps
/// overnight, but not an old token found later.
const RECOVERY_WINDOW: Duration = Duration::from_hours(24);

/// A sign-in, as stores keep it.
///
/// A handler may return it to its user, because nothing in it grants access. `binding` is the same
/// for every session of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Session {
    /// The id, which every token of the session carries as `sid`.
    pub id: SessionId,
    /// The user's id, in its text form.
    pub user_id: String,
    /// The address that was proven. If the user's address changes, the session is no longer valid.
    pub binding: Binding,
    /// The number of refreshes so far. The current refresh token carries the same number.
    pub generation: u32,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the current refresh token was issued.
    pub refreshed_at: Timestamp,
    /// The last time a refresh token was reissued because the response was lost.
    pub recovery: Option<Recovery>,
    /// When the session expires, which is fixed at sign-in.
    pub expires_at: Timestamp,
    /// When it was signed out or revoked.
    pub revoked_at: Option<Timestamp>,
    /// How the user authenticated.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, examples(json!(["otp"]))))]
    pub methods: AuthMethods,
    /// What helps the user recognize the session.
    pub client: Client,
}

impl Session {
    /// A session right after its sign-in. A store that loads a session sets the fields that have
    /// changed since.
    #[must_use]
    pub fn new(
        id: SessionId,
        user_id: impl Into<String>,
        binding: Binding,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            user_id: user_id.into(),
            binding,
            generation: 0,
            created_at,
            refreshed_at: created_at,
            recovery: None,
            expires_at,
            revoked_at: None,
            methods: AuthMethods::OTP,
            client: Client::default(),
        }
    }

    /// The session with its next refresh token.
    pub(crate) fn advanced(self, now: Timestamp) -> Self {
        Self { generation: self.generation.saturating_add(1), refreshed_at: now, ..self }
    }

    /// Whether the successor of this generation is current and was reissued after the grace period.
    pub(crate) fn has_recovered(&self, generation: u32) -> bool {
        generation.checked_add(1) == Some(self.generation)
            && self.recovery.is_some_and(|recovery| recovery.generation == self.generation)
    }
}

/// A refresh token was reissued after the grace period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Recovery {
    /// The generation of that token.
    pub generation: u32,
    /// When it was reissued.
    pub at: Timestamp,
}

impl Recovery {
    /// Generation `generation` was reissued at this time.
    #[must_use]
    pub const fn new(generation: u32, at: Timestamp) -> Self {
        Self { generation, at }
    }
}

/// What helps a user recognize a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Client {
    /// The `User-Agent` of the sign-in, without control characters, at most 256 bytes.
    pub user_agent: Option<String>,
    /// The IP address of the sign-in.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub address: Option<IpAddr>,
}

impl Client {
    /// Cleans the values that the client sent.
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

/// What a refresh token of a given generation is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshState {
    /// The current token. Replace it.
    Current,
    /// Replaced just now, by a concurrent request or one whose response was lost. Return the same
    /// successor.
    JustReplaced,
    /// Replaced a while ago, but the response was lost. Record that, and return the same successor
    /// once more.
    AnswerLost,
    /// The successor of the current token: it was issued, but a crash of the store lost the
    /// replacement. Replace the token again.
    Ahead,
    /// Its successor has been used, so somebody has a copy (RFC 9700 section 4.14.2).
    Reused,
    /// The session was signed out or revoked.
    Revoked,
    /// The session has expired.
    Expired,
}

/// Judges a refresh token with a valid signature.
///
/// A token that was just replaced may come from a client that never received the successor, or from
/// somebody with a copy. The two look alike, so it returns its successor once more. Both then hold
/// the same token, and whoever uses it second presents a replaced token. A token that was itself
/// reissued is not recovered, so a copy is detected once both have used it twice, while an
/// occasional lost response ends nothing. Two uses within the grace period of each other look like
/// two tabs, and start this over. A copy that is used alone looks like its owner.
pub(crate) fn refresh_state(session: &Session, generation: u32, now: Timestamp, grace: Duration) -> RefreshState {
    if session.revoked_at.is_some() {
        return RefreshState::Revoked;
    }
    if now >= session.expires_at {
        return RefreshState::Expired;
    }
    if generation == session.generation {
        return RefreshState::Current;
    }
    if generation.checked_add(1) == Some(session.generation) {
        let recovered = session.recovery.filter(|recovery| recovery.generation == session.generation);
        let handed_out_at = recovered.map_or(session.refreshed_at, |recovery| recovery.at);
        // A zero grace period accepts nothing, not even within the same millisecond.
        if now < handed_out_at + grace {
            return RefreshState::JustReplaced;
        }
        let was_recovered = session.recovery.is_some_and(|recovery| recovery.generation >= generation);
        if !was_recovered && now < session.refreshed_at + RECOVERY_WINDOW {
            return RefreshState::AnswerLost;
        }
    }
    if session.generation.checked_add(1) == Some(generation) {
        return RefreshState::Ahead;
    }
    // Older generations, and those further ahead. The latter mean that the table was restored to an
    // earlier state and cannot be trusted.
    RefreshState::Reused
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    fn session() -> Session {
        Session {
            id: SessionId::from_bytes([1; 16]),
            user_id: "1".to_owned(),
            binding: Binding::from_bytes([2; 16]),
            generation: 5,
            created_at: at(0),
            refreshed_at: at(100_000),
            recovery: None,
            expires_at: at(200_000),
            revoked_at: None,
            methods: AuthMethods::OTP,
            client: Client::default(),
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_session_goes_through_json_and_shows_what_a_user_would_recognise() {
        let recovery = Some(Recovery { generation: 5, at: at(150_000) });
        let client = Client::new(Some("curl/8"), Some([127, 0, 0, 1].into()));
        let session = Session { recovery, revoked_at: Some(at(160_000)), client, ..session() };
        let json = serde_json::to_value(&session).unwrap();
        assert_eq!(json["id"], "AQEBAQEBAQEBAQEBAQEBAQ");
        assert_eq!((&json["created_at"], &json["methods"]), (&0.into(), &serde_json::json!(["otp"])));
        assert_eq!(json["client"], serde_json::json!({ "user_agent": "curl/8", "address": "127.0.0.1" }));
        assert_eq!(serde_json::from_value::<Session>(json).unwrap(), session);
    }

    #[test]
    fn rt_01_rt_02_t20_only_the_last_but_one_has_a_grace() {
        for (generation, millis, expected) in [
            (5, 100_000, RefreshState::Current),
            (5, 199_999, RefreshState::Current),
            (4, 100_000, RefreshState::JustReplaced),
            (4, 109_999, RefreshState::JustReplaced),
            (4, 110_000, RefreshState::AnswerLost),
            (4, 199_999, RefreshState::AnswerLost),
            (3, 100_000, RefreshState::Reused),
            (0, 100_000, RefreshState::Reused),
            (6, 100_000, RefreshState::Ahead),
            (6, 199_999, RefreshState::Ahead),
            (7, 100_000, RefreshState::Reused),
            (u32::MAX, 100_000, RefreshState::Reused),
        ] {
            assert_eq!(refresh_state(&session(), generation, at(millis), GRACE), expected, "{generation} at {millis}");
        }
    }

    #[test]
    fn the_last_but_one_has_recovered_once_its_successor_was_reissued() {
        for (generation, recovered, expected) in
            [(4, None, false), (4, Some(5), true), (4, Some(4), false), (3, Some(5), false), (5, Some(5), false)]
        {
            let recovery = recovered.map(|generation| Recovery { generation, at: at(150_000) });
            let session = Session { recovery, ..session() };
            assert_eq!(session.has_recovered(generation), expected, "{generation} and {recovered:?}");
        }
    }

    #[test]
    fn a_grace_of_zero_is_none() {
        assert_eq!(refresh_state(&session(), 4, at(100_000), Duration::ZERO), RefreshState::AnswerLost);
        let recovery = Some(Recovery { generation: 5, at: at(100_000) });
        assert_eq!(
            refresh_state(&Session { recovery, ..session() }, 4, at(100_000), Duration::ZERO),
            RefreshState::Reused
        );
    }

    #[test]
    fn a_lost_answer_is_made_up_for_within_a_day_once_and_not_twice_in_a_row() {
        let day = 24 * 60 * 60 * 1_000;
        let long = Session { expires_at: at(10 * day), ..session() };
        let recovered =
            |generation, millis| Session { recovery: Some(Recovery { generation, at: at(millis) }), ..long.clone() };
        for (what, session, millis, expected) in [
            ("the last moment of the day", long.clone(), 100_000 + day - 1, RefreshState::AnswerLost),
            ("the day is over", long.clone(), 100_000 + day, RefreshState::Reused),
            ("made up for a moment ago, by another tab", recovered(5, 500_000), 509_999, RefreshState::JustReplaced),
            ("made up for already", recovered(5, 500_000), 510_000, RefreshState::Reused),
            ("this token was itself handed out again", recovered(4, 90_000), 110_000, RefreshState::Reused),
            ("the one before it was", recovered(3, 80_000), 110_000, RefreshState::AnswerLost),
            ("one of long ago was", recovered(0, 10), 110_000, RefreshState::AnswerLost),
        ] {
            assert_eq!(refresh_state(&session, 4, at(millis), GRACE), expected, "{what}");
        }
        // Older ones are never recovered.
        assert_eq!(refresh_state(&long, 3, at(110_000), GRACE), RefreshState::Reused);
    }

    /// A client or a thief, with its latest token.
    #[derive(Clone, Copy)]
    struct Holder(u32);

    /// One refresh, as in `OtpAuth::refresh`; `false` if it was detected as reuse. `answered` says
    /// whether the response arrives.
    fn refresh(session: &mut Session, holder: &mut Holder, now: Timestamp, answered: bool) -> bool {
        match refresh_state(session, holder.0, now, GRACE) {
            RefreshState::Current => *session = session.clone().advanced(now),
            RefreshState::AnswerLost => {
                session.recovery = Some(Recovery { generation: session.generation, at: now });
            }
            RefreshState::JustReplaced => {}
            _ => return false,
        }
        if answered {
            holder.0 = session.generation;
        }
        true
    }

    /// Every order in which an owner and somebody with a copy can refresh, with more or less than
    /// the grace period in between.
    #[test]
    fn rt_01_a_copy_is_found_when_both_have_used_it_twice() {
        const STEPS: u32 = 8;
        let mut unfound = 0;
        for order in 0..1_u32 << STEPS {
            for hurry in 0..1_u32 << STEPS {
                let mut session = Session { generation: 0, expires_at: at(i64::MAX), ..session() };
                let mut holders = [Holder(0); 2];
                let mut uses = [0; 2];
                let mut last_use: [Option<i64>; 2] = [None; 2];
                let mut now = 100_000;
                let mut found = false;
                for step in 0..STEPS {
                    now += if hurry >> step & 1 == 1 { 5_000 } else { 60_000 };
                    let who = usize::from(order >> step & 1 == 1);
                    found = !refresh(&mut session, &mut holders[who], at(now), true);
                    if found {
                        break;
                    }
                    // Within the grace period of each other they look like two tabs, and hold the
                    // same token again.
                    if last_use[1 - who].is_some_and(|other| at(now) < at(other) + GRACE) {
                        uses = [0; 2];
                    } else {
                        uses[who] += 1;
                    }
                    last_use[who] = Some(now);
                    assert!(uses.contains(&0) || uses.contains(&1), "{order:08b} {hurry:08b}: {uses:?}");
                }
                // A copy cannot be detected while only one of the two uses it.
                let is_alone = order == 0 || order == (1 << STEPS) - 1;
                assert!(!(found && is_alone), "{order:08b} {hurry:08b}");
                unfound += u32::from(!found && !is_alone);
            }
        }
        assert!(unfound > 0, "uses within the grace are not told apart");
    }

    /// A single lost response never ends the session, if the responses before and after it arrive.
    #[test]
    fn one_lost_answer_in_a_row_never_ends_a_session() {
        for pattern in 0..1_u32 << 12 {
            let mut session = Session { generation: 0, expires_at: at(i64::MAX), ..session() };
            let mut owner = Holder(0);
            let mut now = 200_000;
            let mut lost_before = false;
            for step in 0..12 {
                let lost = pattern >> step & 1 == 1 && !lost_before;
                now += 3_600_000;
                assert!(refresh(&mut session, &mut owner, at(now), !lost), "{pattern:012b} at {step}");
                if lost {
                    now += 60_000;
                    assert!(refresh(&mut session, &mut owner, at(now), true), "{pattern:012b} at {step}");
                }
                lost_before = lost;
            }
        }
    }

    #[test]
    fn rt_04_rt_07_a_session_ends_at_its_millisecond() {
        for generation in [5, 4, 3] {
            assert_eq!(refresh_state(&session(), generation, at(200_000), GRACE), RefreshState::Expired);
        }
    }

    #[test]
    fn out_01_a_revoked_session_stays_revoked() {
        let revoked = Session { revoked_at: Some(at(100_000)), ..session() };
        for generation in [5, 4, 3] {
            for millis in [100_000, 300_000] {
                assert_eq!(refresh_state(&revoked, generation, at(millis), GRACE), RefreshState::Revoked);
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
