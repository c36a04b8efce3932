//! Public structs that may grow: other crates make them with constructors.

use std::fs;
use std::path::Path;
use std::time::Duration;

use otp_auth::auth::{CodeRequest, Verification};
use otp_auth::limit::{Charge, LimitKey, Rate};
use otp_auth::session::{AuthMethods, Binding, Client, Recovery, Session, SessionId, SubjectId, TokenId};
use otp_auth::store::{
    Account, BlacklistEntry, BlacklistKind, Budget, ChallengeKey, CodeMac, CountedAttempt, Cursor, FreshChallenge,
    Identity, NewSession, Nonce, OpenChallenge, Removed, Requester, Resume, Revocation, Revocations, SendLimits,
    SendTicket, SignIn, Timestamp, TokenRef, Total, TotalLimit,
};
use otp_auth::wire::{
    ChallengeIssued, ChallengeIssuedInBody, Message, NoBody, RefreshBody, RequestOtpBody, RequestOtpBodyWithDevice,
    TokensIssued, TokensIssuedInBody, VerifyBody, VerifyBodyWithChallenge,
};
use otp_auth::{OtpMessage, RequestContext, Secret};
use serde_json::json;

const NOW: Timestamp = Timestamp::from_millis(1_000);
const LATER: Timestamp = Timestamp::from_millis(9_000);
const SESSION: SessionId = SessionId::from_bytes([1; 16]);
const TOKEN: TokenId = TokenId::from_bytes([2; 16]);
const BINDING: Binding = Binding::from_bytes([3; 16]);
const IDENTITY: Identity = Identity::from_bytes([4; 32]);
const KEY: ChallengeKey = ChallengeKey::from_bytes([5; 32]);
const CODE_MAC: CodeMac = CodeMac::from_bytes([6; 32]);

/// What only this crate makes: results of use cases, and what it passes to code of the application.
const ONLY_OURS: &[&str] = &[
    "Authenticated",
    "CodeRequested",
    "DeviceToken",
    "NewUser",
    "Proof",
    "Settings",
    "SignedIn",
    "Spent",
    "TokenPair",
];

#[test]
fn the_bodies_are_made_from_what_a_handler_or_client_has() {
    let secret = |text: &str| Secret::new(text);
    let (expires_in, resend_in) = (Duration::from_millis(600_900), Duration::from_millis(1));
    let (issued, in_body) = (
        ChallengeIssued::new("Sent.", expires_in, resend_in, 6),
        ChallengeIssuedInBody::new("Sent.", expires_in, resend_in, 8, secret("c")),
    );
    let (tokens, both_tokens) =
        (TokensIssued::new(secret("a"), expires_in), TokensIssuedInBody::new(secret("a"), expires_in, secret("r")));
    let table = [
        (json!(RequestOtpBody::new("ann")), json!({ "email": "ann" })),
        (json!(RequestOtpBodyWithDevice::new("ann")), json!({ "email": "ann", "device": null })),
        (json!(issued), json!({ "message": "Sent.", "expires_in": 600, "resend_in": 1, "code_length": 6 })),
        (
            json!(in_body),
            json!({ "message": "Sent.", "expires_in": 600, "resend_in": 1, "code_length": 8, "challenge": "c" }),
        ),
        (json!(VerifyBody::new("ann", "0")), json!({ "email": "ann", "code": "0" })),
        (
            json!(VerifyBodyWithChallenge::new("ann", "0", secret("c"))),
            json!({ "email": "ann", "code": "0", "challenge": "c", "device": null }),
        ),
        (json!(tokens), json!({ "access_token": "a", "token_type": "bearer", "expires_in": 600 })),
        (
            json!(both_tokens),
            json!({ "access_token": "a", "token_type": "bearer", "expires_in": 600, "refresh_token": "r" }),
        ),
        (json!(RefreshBody::new(secret("r"))), json!({ "refresh_token": "r" })),
        (json!(NoBody::default()), json!({})),
        (json!(Message::new("Bye.")), json!({ "message": "Bye." })),
    ];
    for (made, expected) in table {
        assert_eq!(made, expected);
    }
}

#[test]
fn what_a_store_takes_and_returns_is_made_elsewhere() {
    let limits = SendLimits::new(Duration::from_secs(60), 5, 10);
    assert_eq!((limits.cooldown, limits.per_hour, limits.per_day), (Duration::from_secs(60), 5, 10));
    let nonce = Nonce::from_bytes([7; 16]);
    let fresh = FreshChallenge::new(KEY, nonce, CODE_MAC, LATER);
    assert!((fresh.key, fresh.nonce, fresh.code_mac, fresh.expires_at) == (KEY, nonce, CODE_MAC, LATER));
    let open = OpenChallenge::new(IDENTITY, fresh, limits, NOW);
    assert_eq!((open.identity, open.payer, open.requester), (IDENTITY, IDENTITY, Requester::Stranger));
    assert!(open.limits == limits && open.now == NOW && open.resume.is_none() && open.fresh.key == KEY);
    let resume = Resume::new(KEY, 3);
    assert_eq!((resume.key, resume.max_attempts), (KEY, 3));
    assert!(open.total.is_none() && open.short_codes == u32::MAX && open.fresh.longer_code_mac == CODE_MAC);
    let limit = TotalLimit::new(IDENTITY, 40);
    assert_eq!((limit.payer, limit.per_day), (IDENTITY, 40));
    let total = Total::new(NOW, 3);
    assert_eq!((total.started_at, total.sends), (NOW, 3));
    let spent = open.spend(None, Some(total)).unwrap();
    assert_eq!((spent.number(), spent.budget.day_sends, spent.total), (1, 1, None));
    let ticket = SendTicket::new(IDENTITY, Requester::KnownDevice, KEY, LATER, NOW);
    assert_eq!((ticket.payer, ticket.requester, ticket.next_send_at), (IDENTITY, Requester::KnownDevice, LATER));
    assert_eq!((ticket.key, ticket.total, ticket.paid_at), (KEY, None, NOW));
    let counted = CountedAttempt::new(2, IDENTITY, Some(CODE_MAC), LATER);
    assert_eq!((counted.number, counted.identity), (2, IDENTITY));
    assert_eq!((counted.code_mac, counted.expires_at), (Some(CODE_MAC), LATER));
    let budget = Budget::new(NOW);
    assert_eq!((budget.next_send_at, budget.hour_started_at, budget.day_started_at), (NOW, NOW, NOW));
    assert_eq!((budget.hour_sends, budget.day_sends), (0, 0));

    let revocation = Revocation::new(NOW, LATER);
    assert_eq!((revocation.now, revocation.blacklist_until), (NOW, LATER));
    let entry = BlacklistEntry::new([8; 16], BlacklistKind::User, NOW, LATER);
    assert_eq!((entry.id, entry.kind), ([8; 16], BlacklistKind::User));
    assert_eq!((entry.blacklisted_at, entry.expires_at), (NOW, LATER));
    let revocations = Revocations::new(vec![entry], Cursor(9));
    assert_eq!((&revocations.entries[..], revocations.cursor), (&[entry][..], Cursor(9)));
    let subject = SubjectId::of("7");
    let token = TokenRef::new(SESSION, TOKEN, subject, NOW);
    assert_eq!((token.session, token.token), (SESSION, TOKEN));
    assert_eq!((token.subject, token.authenticated_at), (subject, NOW));
    assert_eq!(Removed::default().total(), 0);

    let session = NewSession::new(SESSION, NOW, LATER, BINDING);
    assert_eq!((session.id, session.created_at), (SESSION, NOW));
    assert_eq!((session.expires_at, session.binding), (LATER, BINDING));
    assert_eq!((&session.methods, &session.client), (&AuthMethods::OTP, &Client::default()));
    let account = Account::<()>::New("ann".to_owned());
    let sign_in = SignIn::new(KEY, IDENTITY, CODE_MAC, account, session.clone(), revocation);
    assert_eq!((sign_in.challenge, sign_in.identity, sign_in.code_mac), (KEY, IDENTITY, CODE_MAC));
    assert_eq!((sign_in.session, sign_in.replaces, sign_in.revocation), (session, None, revocation));
    assert!(matches!(sign_in.account, Account::New(email) if email == "ann"));
}

#[test]
fn sessions_requests_and_messages_are_made_elsewhere() {
    let session = Session::new(SESSION, "7", BINDING, NOW, LATER);
    assert_eq!((session.id, session.user_id.as_str(), session.binding), (SESSION, "7", BINDING));
    assert_eq!((session.created_at, session.refreshed_at, session.expires_at), (NOW, NOW, LATER));
    assert_eq!((session.generation, session.recovery, session.revoked_at), (0, None, None));
    assert_eq!((session.methods, session.client), (AuthMethods::OTP, Client::default()));
    let recovery = Recovery::new(3, NOW);
    assert_eq!((recovery.generation, recovery.at), (3, NOW));
    let client = Client::new(Some("curl"), Some([127, 0, 0, 1].into()));
    assert_eq!((client.user_agent.as_deref(), client.address), (Some("curl"), Some([127, 0, 0, 1].into())));
    let context = RequestContext::at(NOW);
    assert_eq!((context.time, context.client_ip, context.user_agent, context.challenge), (NOW, None, None, None));

    let request = CodeRequest::new("ann").challenge("c").device("d").proof("p").unlock("u");
    assert_eq!((request.email, request.challenge, request.device), ("ann", Some("c"), Some("d")));
    assert_eq!((request.proof, request.unlock), (Some("p"), Some("u")));
    let verification = Verification::new("ann", "0").challenge("c").device("d").older_refresh_tokens(&["r"]);
    assert_eq!((verification.email, verification.code), ("ann", "0"));
    assert_eq!((verification.challenge, verification.device), (Some("c"), Some("d")));
    assert_eq!(verification.older_refresh_tokens, ["r"]);
    let message = OtpMessage::new("ann", "0", Duration::from_secs(600)).unlock("u");
    let charge = Charge::new(LimitKey::new([7; 16]), Rate::per_hour(60).burst(3), 4, NOW);
    assert_eq!((charge.key.as_bytes(), charge.weight, charge.payable(), charge.time), (&[7; 16], 4, 3, NOW));
    assert_eq!((message.address, message.code, message.expires_in), ("ann", "0", Duration::from_secs(600)));
    assert_eq!(message.unlock, "u");
}

/// So that no struct is forgotten above.
#[test]
fn every_struct_that_may_grow_is_made_here() {
    let mut structs = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../otp-auth/src"), &mut structs);
    assert!(structs.len() >= 30, "{structs:?}");
    let here = include_str!("constructors.rs");
    let is_made = |name: &String| {
        ["new(", "at(", "default("].iter().any(|constructor| here.contains(&format!("{name}::{constructor}")))
    };
    structs.retain(|name| !is_made(name) && !ONLY_OURS.contains(&name.as_str()));
    assert_eq!(structs, Vec::<String>::new());
}

/// The name of every public struct with fields that is `#[non_exhaustive]`.
fn collect(folder: &Path, structs: &mut Vec<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, structs);
            continue;
        }
        for after in fs::read_to_string(path).unwrap().split("#[non_exhaustive]").skip(1) {
            let item = after.lines().map(str::trim).find(|line| line.starts_with("pub "));
            let with_fields = item.filter(|item| item.contains(['{', '(']));
            let name = with_fields.and_then(|item| item.strip_prefix("pub struct "));
            structs.extend(name.map(|name| name.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()));
        }
    }
}
