//! A cookie jar that behaves like a browser (RFC 6265bis).

use otp_auth::store::Timestamp;

use crate::answer::SetCookie;

#[derive(Debug, Clone)]
struct Kept {
    cookie: SetCookie,
    expires_at: Option<Timestamp>,
}

/// The cookies of one browser at `https://host.test`.
#[derive(Debug, Clone, Default)]
pub struct Jar(Vec<Kept>);

impl Jar {
    /// Stores one `Set-Cookie` field. Drops what a browser would drop: a name with a prefix whose
    /// conditions are not met (section 4.1.3). A `Max-Age` of zero removes the cookie with the same
    /// name, domain and path.
    pub fn store(&mut self, cookie: SetCookie, now: Timestamp) {
        let host_prefix = cookie.name.starts_with("__Host-");
        let secure_prefix = cookie.name.starts_with("__Secure-");
        let bound = cookie.attribute("Domain").is_none() && cookie.attribute("Path") == Some("/");
        if (host_prefix && !bound) || ((host_prefix || secure_prefix) && !cookie.has("Secure")) {
            return;
        }
        self.0.retain(|kept| {
            kept.cookie.name != cookie.name
                || kept.cookie.attribute("Domain") != cookie.attribute("Domain")
                || kept.cookie.attribute("Path") != cookie.attribute("Path")
        });
        let age = cookie.attribute("Max-Age").map(|age| age.parse::<u64>().expect("Max-Age is a number"));
        if age == Some(0) {
            return;
        }
        let expires_at = age.map(|age| now + std::time::Duration::from_secs(age));
        self.0.push(Kept { cookie, expires_at });
    }

    /// The `Cookie` field for a path. `None` if there is nothing to send.
    pub fn header(&self, path: &str, now: Timestamp) -> Option<String> {
        let pairs: Vec<_> = self
            .0
            .iter()
            .filter(|kept| kept.expires_at.is_none_or(|at| now < at))
            .filter(|kept| path_matches(path, kept.cookie.attribute("Path").unwrap_or("/")))
            .map(|kept| format!("{}={}", kept.cookie.name, kept.cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The value of a cookie.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|kept| kept.cookie.name == name).map(|kept| kept.cookie.value.as_str())
    }

    /// Plants a cookie, as a script or a neighboring host could.
    pub fn plant(&mut self, name: &str, value: &str) {
        self.0.retain(|kept| kept.cookie.name != name);
        let cookie = SetCookie {
            name: name.to_owned(),
            value: value.to_owned(),
            attributes: vec!["Path=/".to_owned(), "Secure".to_owned()],
        };
        self.0.push(Kept { cookie, expires_at: None });
    }

    /// Forgets one cookie.
    pub fn forget(&mut self, name: &str) {
        self.0.retain(|kept| kept.cookie.name != name);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Path matching as in RFC 6265bis section 5.1.4.
fn path_matches(path: &str, cookie: &str) -> bool {
    path.strip_prefix(cookie).is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}
