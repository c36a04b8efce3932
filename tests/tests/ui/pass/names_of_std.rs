//! Types that only share a name with one that threads cannot share, and ones that make it shareable.
#![deny(warnings)]

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use otp_auth::{ConsoleSender, MemoryStore, OtpAuth, OtpUser, otp_config};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell(pub Option<String>);

pub mod pool {
    #[derive(Clone, Debug, Default)]
    pub struct Rc<T>(pub T);
}

#[derive(Clone, Debug, OtpUser)]
pub struct User {
    #[otp(id)]
    pub id: i64,
    #[otp(email)]
    pub email: String,
    #[otp(skip)]
    pub phone: Cell,
    #[otp(skip)]
    pub cache: Option<pool::Rc<u8>>,
    #[otp(skip)]
    pub seen: Arc<Mutex<RefCell<u8>>>,
}

#[otp_config(user = User, developer_mode = self.on)]
pub struct Auth {
    #[otp(sender)]
    pub sender: ConsoleSender,
    pub on: bool,
    pub phone: Cell,
    pub cache: pool::Rc<u8>,
    pub seen: Mutex<RefCell<u8>>,
    pub hook: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

#[tokio::main]
async fn main() {
    let auth = Auth {
        sender: ConsoleSender,
        on: false,
        phone: Cell(None),
        cache: pool::Rc(1),
        seen: Mutex::new(RefCell::new(1)),
        hook: Box::new(str::is_empty),
    };
    assert_eq!(auth.phone, Cell(None));
    assert!((auth.hook)("") && auth.cache.0 == 1 && *auth.seen.lock().unwrap().borrow() == 1);
    let store = MemoryStore::new(|new| User {
        id: new.number,
        email: new.email.to_owned(),
        phone: Cell::default(),
        cache: None,
        seen: Arc::default(),
    });
    assert!(OtpAuth::new(auth, store).is_err(), "there is no secret");
}
