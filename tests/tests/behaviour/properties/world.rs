//! Two realms of one application, and what the model knows about them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderValue, header::COOKIE};
use otp_auth::config::SettingsBuilder;
use otp_auth::session::SessionId;
use otp_auth_tests::app::wrong;
use otp_auth_tests::config::BothAuth;
use otp_auth_tests::{Answer, Backend, Client, ClientKind, Fault, Mode, Operation, Setup, Typed, tokens};
use serde_json::{Value, json};

use super::model::{
    ACCESS_LIFETIME, Budget, CODE_LIFETIME, COOLDOWN, Challenge, Delivery, GRACE, MAX_ATTEMPTS, Outcome, Possible,
    REFRESH_LIFETIME, SENDS_PER_DAY, SENDS_PER_DAY_TOTAL, SENDS_PER_HOUR, Session, Time, Total, pay,
};
use super::{Code, Credential, Kind, Step, Trouble};

const REALMS: [&str; 2] = ["users", "others"];

/// The first two belong to one mailbox.
const ADDRESSES: [&str; 4] = ["ann@example.com", "ann+x@example.com", "bob@example.com", "cid@example.com"];

const MAILBOXES: [usize; 4] = [0, 0, 1, 2];

/// How long a device stays known.
const DEVICE_LIFETIME: Time = 180 * 86_400_000;

/// How long the token of an e-mail unlocks.
const UNLOCK_LIFETIME: Time = 86_400_000;

/// Whoever unlocks an address with the token of an alias.
const OF_ALIASES: usize = 0;

type Checked<T = ()> = Result<T, String>;

/// Who pays for an e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Payer {
    Network { mailbox: usize, network: u8 },
    Device { device: usize, address: usize },
}

struct HeldChallenge {
    realm: usize,
    address: usize,
    text: String,
    code: String,
    expires_at: Time,
    /// The known device that paid.
    device: Option<usize>,
    state: Possible<Challenge>,
}

struct HeldSession {
    realm: usize,
    user: i64,
    address: usize,
    expires_at: Time,
    state: Possible<Session>,
}

impl HeldSession {
    /// It was certainly ended, or perhaps.
    fn ended(&mut self, is_certain: bool) {
        if is_certain {
            self.state.change(|state| state.ended = true);
        } else {
            self.state.may_change(|state| state.ended = true);
        }
    }
}

struct RefreshToken {
    session: usize,
    generation: u32,
    text: String,
}

struct AccessToken {
    session: usize,
    expires_at: Time,
    text: String,
}

#[derive(Clone)]
struct DeviceSignIn {
    address: usize,
    user: i64,
    at: Time,
}

#[derive(Clone)]
struct HeldDevice {
    realm: usize,
    device: usize,
    /// The latest first.
    sign_ins: Vec<DeviceSignIn>,
    text: String,
}

struct UnlockToken {
    realm: usize,
    address: usize,
    device: usize,
    expires_at: Time,
    text: String,
}

#[derive(Debug, Clone, PartialEq)]
struct KnownUser {
    id: i64,
    address: usize,
    is_verified: bool,
}

pub(super) struct World {
    backend: Backend,
    realms: [Typed<BothAuth>; 2],
    /// The latest time of the clock.
    latest: Time,
    users: Vec<KnownUser>,
    devices_made: usize,
    budgets: BTreeMap<(usize, Payer), Possible<Budget>>,
    totals: BTreeMap<(usize, usize), Possible<Total>>,
    challenges: Vec<HeldChallenge>,
    sessions: Vec<HeldSession>,
    refresh_tokens: Vec<RefreshToken>,
    access_tokens: Vec<AccessToken>,
    devices: Vec<HeldDevice>,
    unlock_tokens: Vec<UnlockToken>,
    /// The addresses that somebody has had and left.
    left: BTreeSet<usize>,
    /// Until when sign-ins of a user make no device known that was known before.
    devices_ended: BTreeMap<(usize, i64), Time>,
    /// Whether an answer may have been lost, so that `Claims` learns of an ended session later.
    was_disturbed: bool,
    /// How often each kind of step ended in which way.
    pub(super) tally: Tally,
}

/// How often each kind of step ended in which way.
pub(super) type Tally = BTreeMap<(&'static str, Outcome), usize>;

/// What a step did, as its client sees it.
struct Seen {
    /// `None` if the process died first.
    answer: Option<Answer>,
    /// Whether an operation went wrong.
    disturbed: bool,
}

/// The index of one of `count` things, counted from the latest.
fn pick(index: usize, count: usize) -> Option<usize> {
    (count > 0).then(|| count - 1 - index % count)
}

fn settings(settings: SettingsBuilder) -> SettingsBuilder {
    let span = |millis: Time| Duration::from_millis(millis.unsigned_abs());
    settings
        .otp_rate_limit(span(COOLDOWN))
        .max_sends_per_hour(SENDS_PER_HOUR)
        .max_sends_per_day(SENDS_PER_DAY)
        .max_sends_per_day_total(SENDS_PER_DAY_TOTAL)
        .max_otp_attempts(u8::try_from(MAX_ATTEMPTS).unwrap())
        .otp_expiry(span(CODE_LIFETIME))
        .refresh_grace(span(GRACE))
        .access_token_lifetime(span(ACCESS_LIFETIME))
        .refresh_token_lifetime(span(REFRESH_LIFETIME))
}

fn setup(realm: usize) -> Setup {
    Setup::new(Mode::Both).tune(move |builder| settings(builder).realm(REALMS[realm]))
}

impl World {
    pub(super) async fn new(backend: Backend) -> Self {
        let first = setup(0).backend(backend).typed::<BothAuth>().await;
        let second = setup(1).after(&first.app).typed::<BothAuth>().await;
        Self {
            backend,
            latest: first.app.clock.now().as_millis(),
            realms: [first, second],
            users: Vec::new(),
            devices_made: 0,
            budgets: BTreeMap::new(),
            totals: BTreeMap::new(),
            challenges: Vec::new(),
            sessions: Vec::new(),
            refresh_tokens: Vec::new(),
            access_tokens: Vec::new(),
            devices: Vec::new(),
            unlock_tokens: Vec::new(),
            left: BTreeSet::new(),
            devices_ended: BTreeMap::new(),
            was_disturbed: false,
            tally: Tally::new(),
        }
    }

    fn count(&mut self, step: &'static str, outcome: Outcome) {
        *self.tally.entry((step, outcome)).or_default() += 1;
    }

    fn now(&self) -> Time {
        self.realms[0].app.clock.now().as_millis()
    }

    #[allow(clippy::too_many_lines, reason = "an arm for each kind of step")]
    pub(super) async fn take(&mut self, step: &Step) -> Checked {
        match *step {
            Step::Request { realm, address, network, continues, device, unlock, delivery, trouble } => {
                self.request(realm, address, network, continues, device, unlock, delivery, trouble).await?;
            }
            Step::Verify { challenge, code, address, device, older, crosses, trouble } => {
                if let Some(challenge) = pick(challenge, self.challenges.len()) {
                    self.verify(challenge, code, address, device, older, crosses, trouble).await?;
                }
            }
            Step::Resend { challenge, network } => {
                if let Some(at) = pick(challenge, self.challenges.len()) {
                    self.pass(COOLDOWN);
                    let HeldChallenge { realm, address, .. } = self.challenges[at];
                    self.request(realm, address, network, Some(challenge), None, None, Delivery::Take, None).await?;
                }
            }
            Step::Unlock { token, leaves } => {
                if let Some(at) = pick(token, self.unlock_tokens.len()) {
                    let UnlockToken { realm, address, .. } = self.unlock_tokens[at];
                    if leaves && let Some(user) = self.users.iter().position(|user| user.address == address) {
                        self.change_address(user, 3 - address).await?;
                    }
                    for _ in 0..2 {
                        let token = Some(self.unlock_tokens.len() - 1 - at);
                        self.request(realm, address, 0, None, None, token, Delivery::Take, None).await?;
                    }
                }
            }
            Step::Guess { challenge } => {
                for _ in 0..MAX_ATTEMPTS {
                    if let Some(challenge) = pick(challenge, self.challenges.len()) {
                        self.verify(challenge, Code::Wrong, None, None, None, false, None).await?;
                    }
                }
            }
            Step::UseUp { realm, address } => {
                for network in [0, 1, 2] {
                    for delivery in [Delivery::Take, Delivery::Fail, Delivery::Take, Delivery::Take] {
                        self.request(realm, address, network, None, None, None, delivery, None).await?;
                        self.pass(COOLDOWN);
                    }
                }
            }
            Step::Refresh { token, crosses, trouble } => {
                if let Some(token) = pick(token, self.refresh_tokens.len()) {
                    self.refresh(token, crosses, trouble).await?;
                }
            }
            Step::RefreshAgain { token, millis } => {
                if let Some(token) = pick(token, self.refresh_tokens.len()) {
                    self.refresh(token, false, None).await?;
                    self.pass(millis);
                    self.refresh(token, false, None).await?;
                }
            }
            Step::SignOut { with, token, crosses, trouble } => self.sign_out(with, token, crosses, trouble).await?,
            Step::Use { token, crosses } => {
                if let Some(token) = pick(token, self.access_tokens.len()) {
                    self.present_access(token, crosses, &["/me", "/verified", "/claims"]).await?;
                }
            }
            Step::EndSessions { realm, user, trouble } => {
                if let Some(user) = pick(user, self.users.len()) {
                    self.end_sessions(realm, self.users[user].id, trouble).await?;
                }
            }
            Step::ChangeAddress { user, address } => {
                if let Some(user) = pick(user, self.users.len()) {
                    self.change_address(user, address).await?;
                }
            }
            Step::DeleteUser { user } => {
                if let Some(user) = pick(user, self.users.len()) {
                    let id = self.users.remove(user).id;
                    self.realms[0].app.remove_user(id).await;
                    self.present_all_of(id).await?;
                }
            }
            Step::UnverifyUser { user } => {
                if let Some(user) = pick(user, self.users.len()) {
                    let id = self.users[user].id;
                    let row = self.realms[0].app.users().await.into_iter().find(|row| row.id == id);
                    self.realms[0].app.unverify(&row.unwrap()).await;
                    self.users[user].is_verified = false;
                    self.present_all_of(id).await?;
                }
            }
            Step::AddUser { address } => {
                if self.users.iter().all(|user| user.address != address) {
                    let id = self.realms[0].app.add_user(ADDRESSES[address], false).await.id;
                    self.users.push(KnownUser { id, address, is_verified: false });
                    self.present_all_of(id).await?;
                }
            }
            Step::Pass { millis } => {
                self.pass(millis);
            }
            Step::ClockGoesBack => {
                let back = (self.now() - 30_000).max(self.latest - 30_000);
                self.realms[0].app.clock.set(otp_auth::store::Timestamp::from_millis(back));
            }
            Step::CleanUp { realm } => {
                self.realms[realm].auth.cleanup().await.map_err(|error| format!("cleanup: {error}"))?;
                // Even if the clock goes back.
                let now = self.now();
                for challenge in self.challenges.iter_mut().filter(|challenge| challenge.expires_at <= now) {
                    challenge.state.change(|state| state.accepted = true);
                }
                self.budgets.values_mut().for_each(|budget| budget.may_change(|budget| budget.clean_up(now)));
                self.totals.values_mut().for_each(|total| total.may_change(|total| total.clean_up(now)));
            }
            Step::Restart { realm } => {
                self.restart(realm).await;
                if self.backend == Backend::Memory {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            }
        }
        self.compare_users().await
    }

    fn pass(&mut self, millis: Time) {
        self.realms[0].app.pass(Duration::from_millis(millis.unsigned_abs()));
        self.latest = self.latest.max(self.now());
    }

    /// Presents everything once more.
    pub(super) async fn finish(&mut self) -> Checked {
        for token in 0..self.access_tokens.len() {
            self.present_access(token, false, &["/me", "/verified", "/claims"]).await?;
            self.present_access(token, true, &["/me", "/claims"]).await?;
        }
        for token in 0..self.refresh_tokens.len() {
            self.refresh(token, true, None).await?;
        }
        for token in (0..self.refresh_tokens.len()).rev() {
            self.refresh(token, false, None).await?;
        }
        for challenge in 0..self.challenges.len() {
            self.verify(challenge, Code::Right, None, None, None, false, None).await?;
        }
        self.compare_users().await
    }

    /// A new process over the same rows.
    async fn restart(&mut self, realm: usize) {
        self.realms[realm] = setup(realm).after(&self.realms[realm].app).typed::<BothAuth>().await;
    }

    async fn compare_users(&self) -> Checked {
        let mut known = self.users.clone();
        known.sort_by_key(|user| user.id);
        let mut rows = self.realms[0].app.users().await;
        rows.sort_by_key(|row| row.id);
        let rows: Vec<_> = rows
            .into_iter()
            .map(|row| KnownUser {
                id: row.id,
                address: ADDRESSES.iter().position(|address| *address == row.email).unwrap(),
                is_verified: row.is_verified,
            })
            .collect();
        if rows == known { Ok(()) } else { Err(format!("the users are {rows:?}, not {known:?}")) }
    }

    /// Posts, while one of the operations goes wrong.
    async fn post(
        &mut self,
        realm: usize,
        path: &str,
        body: &Value,
        headers: &[(axum::http::HeaderName, String)],
        network: u8,
        trouble: Option<(Trouble, &[Operation])>,
    ) -> Seen {
        let mut client = Client::new(self.realms[realm].app.clone(), ClientKind::Native);
        client.headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect();
        client.address = Some(SocketAddr::from(([10, 0, network, 1], 4_000)));
        self.disturb(realm, trouble, async move { client.post(path, body).await }).await
    }

    /// Waits for something, while one of the operations goes wrong.
    async fn disturb(
        &mut self,
        realm: usize,
        trouble: Option<(Trouble, &[Operation])>,
        doing: impl Future<Output = Answer>,
    ) -> Seen {
        let Some((Trouble { kind, at }, operations)) = trouble else {
            return Seen { answer: Some(doing.await), disturbed: false };
        };
        let operation = operations[at % operations.len()];
        let faults = self.realms[realm].app.faults.clone();
        faults.take_calls();
        faults.set(
            operation,
            match kind {
                Kind::Fails => Fault::Fail,
                Kind::IsLost => Fault::Lost,
                Kind::Hangs | Kind::DiesBefore => Fault::Hang,
                Kind::IsUnanswered | Kind::DiesAfter => Fault::Unanswered,
            },
        );
        let answer = if matches!(kind, Kind::DiesBefore | Kind::DiesAfter) {
            tokio::select! {
                biased;
                answer = doing => Some(answer),
                () = faults.called(operation) => None,
            }
        } else {
            Some(doing.await)
        };
        let mut calls = faults.take_calls();
        let disturbed = calls.contains(&operation);
        self.was_disturbed |= disturbed;
        faults.clear();
        if self.backend == Backend::Sqlite && disturbed && operation == Operation::OpenChallenge {
            // The send is taken back in the background.
            while !calls.contains(&Operation::RefundSend) {
                tokio::time::sleep(Duration::from_millis(1)).await;
                calls.extend(faults.take_calls());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if answer.is_none() {
            self.restart(realm).await;
        }
        if self.backend == Backend::Memory {
            // What still runs in the background ends, and everybody has followed the blacklist.
            tokio::time::sleep(Duration::from_secs(40)).await;
        }
        Seen { answer, disturbed }
    }

    /// If nobody has that address.
    async fn change_address(&mut self, user: usize, address: usize) -> Checked {
        if self.users.iter().any(|user| user.address == address) {
            return Ok(());
        }
        let id = self.users[user].id;
        let row = self.realms[0].app.users().await.into_iter().find(|row| row.id == id);
        self.realms[0].app.change_address(&row.unwrap(), ADDRESSES[address]).await;
        self.left.insert(self.users[user].address);
        self.users[user].address = address;
        self.present_all_of(id).await
    }

    fn known_device(&self, realm: usize, address: usize, device: Option<usize>) -> Option<usize> {
        let device = &self.devices[device?];
        let is_known = |sign_in: &DeviceSignIn| {
            let ended = self.devices_ended.get(&(realm, sign_in.user)).is_some_and(|ended| sign_in.at < *ended);
            sign_in.address == address && self.now() < sign_in.at + DEVICE_LIFETIME && !ended
        };
        (device.realm == realm && device.sign_ins.iter().any(is_known)).then_some(device.device)
    }

    /// The device whose budget a token opens.
    fn unlocked(&self, realm: usize, address: usize, unlock: Option<usize>) -> Option<usize> {
        let token = &self.unlock_tokens[unlock?];
        let of_mailbox = token.realm == realm && MAILBOXES[token.address] == MAILBOXES[address];
        let device = if token.address == address { token.device } else { OF_ALIASES };
        (of_mailbox && self.now() < token.expires_at).then_some(device)
    }

    /// Counts what a request was an example of.
    fn count_paid(
        &mut self,
        realm: usize,
        address: usize,
        payer: Payer,
        unlock: Option<(usize, Option<usize>)>,
        sent: Outcome,
    ) {
        let now = self.now();
        let strangers = self.totals.get(&(realm, address));
        let used_up = strangers.is_some_and(|total| !total.may(|total| total.spent(now).is_some()));
        // Whether the total decides, or not.
        if sent == Outcome::Wait && used_up && self.budgets[&(realm, payer)].may(|budget| budget.spent(now).is_some()) {
            self.count("total", sent);
        }
        if used_up && matches!(payer, Payer::Device { .. }) {
            self.count("known device", sent);
        }
        if let Some((token, unlocked)) = unlock {
            let by_alias = self.unlock_tokens[token].address != address;
            let step = match unlocked {
                None => "unlock in vain",
                Some(_) if by_alias => "unlock by an alias",
                Some(_) if self.left.contains(&address) => "unlock after a changed address",
                Some(_) => "unlock",
            };
            self.count(step, sent);
        }
    }

    /// Keeps the token of an e-mail. What a known device has paid for opens no budget but its own.
    fn keep_unlock(&mut self, realm: usize, address: usize, known: Option<usize>, text: String) {
        self.devices_made += usize::from(known.is_none());
        let device = known.unwrap_or(self.devices_made);
        self.unlock_tokens.push(UnlockToken { realm, address, device, expires_at: self.now() + UNLOCK_LIFETIME, text });
    }

    #[allow(clippy::too_many_arguments, reason = "those of a step")]
    async fn request(
        &mut self,
        realm: usize,
        address: usize,
        network: u8,
        continues: Option<usize>,
        device: Option<usize>,
        unlock: Option<usize>,
        delivery: Delivery,
        trouble: Option<Trouble>,
    ) -> Checked {
        let continues = continues.and_then(|index| pick(index, self.challenges.len()));
        let device = device.and_then(|index| pick(index, self.devices.len()));
        let unlock = unlock.and_then(|index| pick(index, self.unlock_tokens.len()));
        let mut body = json!({ "email": ADDRESSES[address] });
        if let Some(unlock) = unlock {
            body["unlock"] = self.unlock_tokens[unlock].text.clone().into();
        }
        if let Some(device) = device {
            body["device"] = self.devices[device].text.clone().into();
        }
        let cookie = continues
            .map(|held| (COOKIE, format!("__Host-otp_challenge-{}={}", REALMS[realm], self.challenges[held].text)));
        let sender = self.realms[realm].app.sender.clone();
        match delivery {
            Delivery::Take => sender.take(),
            Delivery::Fail => sender.fail(),
            Delivery::Lose => sender.lose(),
        }
        let before = sender.messages().len();
        let operations = [Operation::OpenChallenge, Operation::RefundSend, Operation::IsBlacklisted];
        let cookies: Vec<_> = cookie.into_iter().collect();
        let trouble = trouble.map(|trouble| (trouble, &operations[..]));
        let seen = self.post(realm, "/auth/request-otp", &body, &cookies, network, trouble).await;
        sender.take();
        let messages = sender.messages()[before..].to_vec();
        let sent = match (&seen.answer, delivery) {
            (Some(answer), _) => outcome(answer)?,
            // It goes on without its client.
            (None, Delivery::Take) if !messages.is_empty() => Outcome::Sent,
            (None, Delivery::Lose) if !messages.is_empty() => Outcome::NotDelivered,
            (None, _) => Outcome::Unknown,
        };
        let may_mail = sent == Outcome::Sent || (sent == Outcome::NotDelivered && delivery == Delivery::Lose);
        if messages.len() != usize::from(may_mail)
            || messages.iter().any(|message| message.address != ADDRESSES[address])
        {
            return Err(format!("{sent:?}, with {} e-mails", messages.len()));
        }

        self.count("request", sent);

        // Who pays.
        let now = self.now();
        let unlocked = self.unlocked(realm, address, unlock);
        let known = unlocked.or_else(|| self.known_device(realm, address, device));
        let payer = match known {
            Some(device) => Payer::Device { device, address },
            None => Payer::Network { mailbox: MAILBOXES[address], network },
        };
        let budget = self.budgets.entry((realm, payer)).or_insert(Possible::one(Budget::FULL));
        let paid = if known.is_some() {
            let mut both = budget.with(&Possible::one(None));
            let paid = both.observe(&sent, |(budget, total)| pay(*budget, *total, now, delivery, seen.disturbed));
            *budget = both.map(|(budget, _)| *budget);
            paid
        } else {
            let total = self.totals.entry((realm, address)).or_insert(Possible::one(Total::FULL));
            let mut both = budget.with(&total.map(|total| Some(*total)));
            let paid = both.observe(&sent, |(budget, total)| pay(*budget, *total, now, delivery, seen.disturbed));
            *budget = both.map(|(budget, _)| *budget);
            *total = both.map(|(_, total)| total.unwrap_or(Total::FULL));
            paid
        };
        paid.map_err(|error| format!("{payer:?} pays: {error}"))?;
        self.count_paid(realm, address, payer, unlock.map(|unlock| (unlock, unlocked)), sent);
        for message in &messages {
            self.keep_unlock(realm, address, known, message.unlock.clone());
        }

        // Which challenge it is.
        if let (Some(answer), [message]) = (&seen.answer, &messages[..])
            && sent == Outcome::Sent
        {
            let text = answer.member("challenge");
            if let Some(index) = continues {
                let held = &mut self.challenges[index];
                let continues = known.is_none() || held.device.is_some();
                let live = continues && now < held.expires_at && held.realm == realm && held.address == address;
                let same = held.text == text;
                held.state.know("the challenge was continued, or not", |state| state.continues(live) == same)?;
                if same {
                    self.count("continue", sent);
                    let held = &self.challenges[index];
                    return if held.code == message.code {
                        Ok(())
                    } else {
                        Err("another code for one challenge".into())
                    };
                }
            }
            self.challenges.push(HeldChallenge {
                realm,
                address,
                text,
                code: message.code.clone(),
                expires_at: now + CODE_LIFETIME,
                device: known,
                state: Possible::one(Challenge::FRESH),
            });
        }
        Ok(())
    }

    /// The sessions of whoever has an address.
    async fn sessions_at(&self, realm: usize, address: usize) -> BTreeSet<SessionId> {
        let users = self.realms[realm].app.users().await;
        let Some(user) = users.iter().find(|user| user.email == ADDRESSES[address]) else { return BTreeSet::new() };
        let sessions = self.realms[realm].auth.sessions(&user.id).await.unwrap();
        sessions.into_iter().map(|session| session.id).collect()
    }

    #[allow(clippy::too_many_arguments, reason = "those of a step")]
    async fn verify(
        &mut self,
        challenge: usize,
        code: Code,
        address: Option<usize>,
        device: Option<usize>,
        older: Option<usize>,
        crosses: bool,
        trouble: Option<Trouble>,
    ) -> Checked {
        let held = &self.challenges[challenge];
        let realm = if crosses { 1 - held.realm } else { held.realm };
        let address = address.unwrap_or(held.address);
        let presented = match code {
            Code::Right => held.code.clone(),
            Code::Wrong => wrong(&held.code),
            Code::Of(index) => self.challenges[pick(index, self.challenges.len()).unwrap()].code.clone(),
        };
        let right = presented == held.code && address == held.address;
        let (live, paid_by) = (self.now() < held.expires_at, held.device);
        let device = device.and_then(|index| pick(index, self.devices.len()));
        let older = older.and_then(|index| pick(index, self.refresh_tokens.len()));
        let mut body = json!({ "email": ADDRESSES[address], "code": presented, "challenge": held.text });
        if let Some(device) = device {
            body["device"] = self.devices[device].text.clone().into();
        }
        let cookies: Vec<_> = older
            .map(|older| {
                let name = if realm == 0 { "__Host-refresh_token-users" } else { "__Host-refresh_token-others" };
                (COOKIE, format!("{name}={}", self.refresh_tokens[older].text))
            })
            .into_iter()
            .collect();
        let operations = [
            Operation::CountAttempt,
            Operation::UserByEmail,
            Operation::SignIn,
            Operation::Session,
            Operation::CountExhausted,
        ];
        let before = if trouble.is_some() { self.sessions_at(realm, address).await } else { BTreeSet::new() };
        let trouble = trouble.map(|trouble| (trouble, &operations[..]));
        let seen = self.post(realm, "/auth/verify-otp", &body, &cookies, 1, trouble).await;
        let now = self.now();
        let verified = seen.answer.as_ref().map_or(Ok(Outcome::Unknown), outcome)?;

        self.count("verify", verified);
        let mut accepted = matches!(verified, Outcome::Tokens(_));
        if crosses {
            if verified != Outcome::Invalid && !(verified == Outcome::Unknown && seen.disturbed) {
                return Err(format!("{verified:?} in another realm"));
            }
        } else {
            let state = &mut self.challenges[challenge].state;
            state.observe(&verified, |state| state.attempt(live, right, seen.disturbed))?;
        }
        if verified == Outcome::Unknown && !crosses {
            // Either signed in, or the code still works.
            let signed_in = self.sessions_at(realm, address).await.difference(&before).next().is_some();
            if right {
                let state = &mut self.challenges[challenge].state;
                let was_accepted = state.may(|state| state.accepted) && state.may(|state| !state.accepted);
                state.know("signed in, or not", |state| state.accepted == signed_in || !was_accepted)?;
            } else if signed_in {
                return Err("a wrong code signed in".into());
            }
            accepted = signed_in;
        }

        // The sessions that this ends.
        if let Some(older) = older
            && (accepted || verified == Outcome::Unknown)
        {
            let session = &mut self.sessions[self.refresh_tokens[older].session];
            if session.realm == realm && now < session.expires_at {
                session.ended(accepted);
            }
        }
        if accepted {
            self.signed_in(realm, address, device, paid_by, seen.answer.filter(|_| verified != Outcome::Unknown))
                .await?;
        }
        if let Some(older) = older {
            self.present_session(self.refresh_tokens[older].session).await?;
        }
        Ok(())
    }

    /// What a sign-in does to the user, and what its client then holds.
    async fn signed_in(
        &mut self,
        realm: usize,
        address: usize,
        device: Option<usize>,
        paid_by: Option<usize>,
        answer: Option<Answer>,
    ) -> Checked {
        let now = self.now();
        let position = self.users.iter().position(|user| user.address == address);
        let first_proof = position.is_none_or(|position| !self.users[position].is_verified);
        let position = if let Some(position) = position {
            self.users[position].is_verified = true;
            position
        } else {
            let rows = self.realms[realm].app.users().await;
            let row = rows.iter().find(|row| row.email == ADDRESSES[address]).ok_or("signed in without a user")?;
            self.users.push(KnownUser { id: row.id, address, is_verified: true });
            self.users.len() - 1
        };
        let user = self.users[position].id;
        if first_proof {
            for session in self.sessions.iter_mut().filter(|session| session.realm == realm && session.user == user) {
                session.state.change(|state| state.ended = true);
            }
        }
        let Some(answer) = answer else { return Ok(()) };
        self.sessions.push(HeldSession {
            realm,
            user,
            address,
            // A token expires at a whole second.
            expires_at: (now + REFRESH_LIFETIME) / 1_000 * 1_000,
            state: Possible::one(Session::begun(now)),
        });
        let session = self.sessions.len() - 1;
        self.keep(session, &answer)?;

        // The device that paid, or else the present one, or else a new one.
        let present = device.map(|device| self.devices[device].clone()).filter(|device| device.realm == realm);
        let (device, mut sign_ins) = match (paid_by, present) {
            (Some(paid), Some(present)) if present.device == paid => (paid, present.sign_ins),
            (Some(paid), _) => (paid, Vec::new()),
            (None, Some(present)) => (present.device, present.sign_ins),
            (None, None) => {
                self.devices_made += 1;
                (self.devices_made, Vec::new())
            }
        };
        let ended = self.devices_ended.get(&(realm, user)).copied().filter(|ended| now < *ended);
        sign_ins.retain(|sign_in| sign_in.address != address && now < sign_in.at + DEVICE_LIFETIME);
        sign_ins.insert(0, DeviceSignIn { address, user, at: ended.unwrap_or(now) });
        // Right after a restart, a process has not read when the devices were ended.
        if ended.is_none() || self.backend == Backend::Memory {
            self.devices.push(HeldDevice { realm, device, sign_ins, text: answer.member("device") });
        }
        self.present_session(session).await
    }

    /// Keeps the tokens of an answer. The same generation is the same token.
    fn keep(&mut self, session: usize, answer: &Answer) -> Checked {
        let (refresh, access) = (answer.member("refresh_token"), answer.member("access_token"));
        let Outcome::Tokens(generation) = outcome(answer)? else { return Err("no tokens".into()) };
        let mut earlier = self.refresh_tokens.iter().filter(|token| token.session == session);
        if let Some(earlier) = earlier.find(|token| token.generation == generation) {
            if earlier.text != refresh {
                return Err(format!("two tokens of generation {generation}"));
            }
            self.count("reissue", Outcome::Tokens(0));
        } else {
            self.refresh_tokens.push(RefreshToken { session, generation, text: refresh });
        }
        let lifetime = i64::try_from(answer.number("expires_in")).unwrap() * 1_000;
        let expires_at = self.now() / 1_000 * 1_000 + lifetime;
        if lifetime > ACCESS_LIFETIME || tokens::payload(&access)["exp"] != expires_at / 1_000 {
            return Err(format!("an access token of {lifetime} ms"));
        }
        self.access_tokens.push(AccessToken { session, expires_at, text: access });
        Ok(())
    }

    fn is_usable(&self, session: &HeldSession) -> bool {
        self.users.iter().any(|user| user.id == session.user && user.address == session.address)
    }

    async fn refresh(&mut self, token: usize, crosses: bool, trouble: Option<Trouble>) -> Checked {
        let RefreshToken { session, generation, ref text } = self.refresh_tokens[token];
        let realm = self.sessions[session].realm;
        let realm = if crosses { 1 - realm } else { realm };
        let operations =
            [Operation::Session, Operation::UserById, Operation::Advance, Operation::Recover, Operation::RevokeSession];
        let body = json!({ "refresh_token": text });
        let trouble = trouble.map(|trouble| (trouble, &operations[..]));
        let seen = self.post(realm, "/auth/refresh", &body, &[], 1, trouble).await;
        let refreshed = seen.answer.as_ref().map_or(Ok(Outcome::Unknown), outcome)?;
        // The generation does not matter.
        self.count("refresh", if let Outcome::Tokens(_) = refreshed { Outcome::Tokens(0) } else { refreshed });
        if crosses {
            return match refreshed {
                Outcome::Invalid => Ok(()),
                Outcome::Unknown if seen.disturbed => Ok(()),
                _ => Err(format!("{refreshed:?} in another realm")),
            };
        }
        let (now, held) = (self.now(), &self.sessions[session]);
        let (live, usable) = (now < held.expires_at, self.is_usable(held));
        self.sessions[session]
            .state
            .observe(&refreshed, |state| state.refresh(generation, now, live, usable, seen.disturbed))
            .map_err(|error| format!("generation {generation} at {now}: {error}"))?;
        if let (Some(answer), Outcome::Tokens(_)) = (&seen.answer, refreshed) {
            self.keep(session, answer)?;
        }
        self.present_session(session).await
    }

    async fn sign_out(&mut self, with: Credential, token: usize, crosses: bool, trouble: Option<Trouble>) -> Checked {
        let now = self.now();
        let (session, live, body, headers) = match with {
            Credential::RefreshToken => {
                let Some(token) = pick(token, self.refresh_tokens.len()) else { return Ok(()) };
                let RefreshToken { session, ref text, .. } = self.refresh_tokens[token];
                (session, now < self.sessions[session].expires_at, json!({ "refresh_token": text }), vec![])
            }
            Credential::AccessToken => {
                let Some(token) = pick(token, self.access_tokens.len()) else { return Ok(()) };
                let AccessToken { session, expires_at, ref text } = self.access_tokens[token];
                (
                    session,
                    now < expires_at,
                    json!({}),
                    vec![(axum::http::header::AUTHORIZATION, format!("Bearer {text}"))],
                )
            }
        };
        let realm = self.sessions[session].realm;
        let realm = if crosses { 1 - realm } else { realm };
        let operations = [Operation::RevokeSession, Operation::Session];
        let trouble = trouble.map(|trouble| (trouble, &operations[..]));
        let seen = self.post(realm, "/auth/logout", &body, &headers, 1, trouble).await;
        let signed_out = match &seen.answer {
            Some(answer) if answer.status == 200 => Outcome::Done,
            Some(answer) => outcome(answer)?,
            None => Outcome::Unknown,
        };
        self.count("sign out", signed_out);
        self.sessions[session].state.observe(&signed_out, |state| {
            if crosses || !live {
                let unknown = seen.disturbed.then_some((Outcome::Unknown, *state));
                return [(Outcome::Done, *state)].into_iter().chain(unknown).collect();
            }
            state.sign_out(seen.disturbed)
        })?;
        self.present_session(session).await
    }

    async fn end_sessions(&mut self, realm: usize, user: i64, trouble: Option<Trouble>) -> Checked {
        let auth = self.realms[realm].auth.clone();
        let ending = async move {
            let status = if auth.revoke_all_sessions(&user).await.is_ok() { 200 } else { 503 };
            let response = axum::response::Response::builder().status(status);
            Answer::read(response.body(axum::body::Body::empty()).unwrap()).await
        };
        let operations = [Operation::RevokeUserSessions];
        let seen = self.disturb(realm, trouble.map(|trouble| (trouble, &operations[..])), ending).await;
        let done = seen.answer.is_some_and(|answer| answer.status == 200);
        if !done && !seen.disturbed {
            return Err("the sessions could not be ended".into());
        }
        // That comes first, and a little later, because clocks differ.
        self.devices_ended.insert((realm, user), self.now() + 60_000);
        let of_user = |session: &HeldSession| session.realm == realm && session.user == user;
        for session in self.sessions.iter_mut().filter(|session| of_user(session)) {
            session.ended(done);
        }
        self.present_all_of(user).await
    }

    /// Presents an access token to extractors.
    async fn present_access(&mut self, token: usize, crosses: bool, paths: &[&'static str]) -> Checked {
        let AccessToken { session, expires_at, ref text } = self.access_tokens[token];
        let (held, text) = (&self.sessions[session], text.clone());
        let realm = if crosses { 1 - held.realm } else { held.realm };
        let (live, usable) = (self.now() < expires_at && !crosses, self.is_usable(held));
        let user = self.users.iter().find(|user| user.id == held.user);
        let is_verified = user.is_some_and(|user| user.is_verified);
        for path in paths {
            // Without a test clock for the store's mirror, nobody can wait for it.
            if *path == "/claims" && self.was_disturbed && self.backend == Backend::Sqlite {
                continue;
            }
            let mut client = Client::new(self.realms[realm].app.clone(), ClientKind::Native);
            let answer = client.get_with(path, &text).await;
            let opened = if answer.status == 200 { Outcome::Done } else { outcome(&answer)? };
            self.count(path, opened);
            self.sessions[session]
                .state
                .observe(&opened, |state| {
                    let expected = match *path {
                        "/claims" if live && !state.ended => Outcome::Done,
                        "/verified" if live && !state.ended && usable && !is_verified => Outcome::Unverified,
                        "/me" | "/verified" if live && !state.ended && usable => Outcome::Done,
                        _ => Outcome::Invalid,
                    };
                    vec![(expected, *state)]
                })
                .map_err(|error| format!("an access token at {path}: {error}"))?;
        }
        Ok(())
    }

    /// Presents the first and the latest access token of a session.
    async fn present_session(&mut self, session: usize) -> Checked {
        let mut of_session =
            (0..self.access_tokens.len()).filter(|token| self.access_tokens[*token].session == session);
        let (first, last) = (of_session.next(), of_session.next_back());
        for token in first.into_iter().chain(last) {
            self.present_access(token, false, &["/me", "/claims"]).await?;
        }
        Ok(())
    }

    async fn present_all_of(&mut self, user: i64) -> Checked {
        for session in 0..self.sessions.len() {
            if self.sessions[session].user == user {
                self.present_session(session).await?;
            }
        }
        Ok(())
    }
}

/// What an answer means.
fn outcome(answer: &Answer) -> Checked<Outcome> {
    if answer.status == 200 {
        let body = answer.json();
        return Ok(match body["refresh_token"].as_str() {
            Some(token) => {
                let generation = tokens::payload(token)["gen"].as_u64().ok_or("a token without a generation")?;
                Outcome::Tokens(u32::try_from(generation).unwrap())
            }
            None => Outcome::Sent,
        });
    }
    answer.assert_problem();
    Ok(match (answer.status.as_u16(), answer.code().as_str()) {
        (429, "resend_too_soon") => Outcome::Wait,
        (429, "too_many_attempts") => Outcome::TooMany,
        (401, "invalid_code" | "invalid_refresh_token" | "invalid_token") => Outcome::Invalid,
        (401, "session_revoked") => Outcome::Revoked,
        (403, "not_verified") => Outcome::Unverified,
        (503, "delivery_failed") => Outcome::NotDelivered,
        (503, "store_unavailable") => Outcome::Unknown,
        _ => return Err(format!("unexpected: {answer:?}")),
    })
}
