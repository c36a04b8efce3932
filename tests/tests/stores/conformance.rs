//! The conformance suite. The name of a module is the name of its backend.

use std::sync::Arc;

use otp_auth::MemoryStore;
use otp_auth::store::Maintenance;
use otp_auth::testing::conformance::Backend;

use super::users::User;

/// In an `Arc`, which is itself a store.
struct Memory;

const _: () = assert!(<Arc<MemoryStore<User>> as Maintenance>::CANCEL_SAFE);

impl Backend for Memory {
    type User = User;
    type Store = Arc<MemoryStore<User>>;

    async fn fresh(&self) -> Self::Store {
        Arc::new(MemoryStore::new(|new| User { id: new.number, email: new.email.to_owned(), is_verified: true }))
    }

    async fn add_user(&self, store: &Self::Store, email: &str, verified: bool) -> User {
        let id = 1 + store.users().iter().map(|user| user.id).max().unwrap_or(0);
        let user = User { id, email: email.to_owned(), is_verified: verified };
        store.insert_user(user.clone());
        user
    }

    async fn unverify(&self, store: &Self::Store, user: &User) {
        store.remove_user(&user.id);
        store.insert_user(User { is_verified: false, ..user.clone() });
    }

    async fn remove_user(&self, store: &Self::Store, user: &User) {
        store.remove_user(&user.id);
    }

    async fn count_users(&self, store: &Self::Store, email: &str) -> usize {
        store.users().iter().filter(|user| user.email == email).count()
    }
}

mod memory {
    otp_auth::store_conformance!(super::Memory);
}

mod sqlite {
    otp_auth::store_conformance!(crate::sqlite::Sqlite);
}

mod sqlite_in_two_processes {
    otp_auth::store_conformance!(crate::two_processes::Twice(crate::sqlite::Sqlite));
}

mod postgres {
    otp_auth::store_conformance!(
        #[ignore = "needs PostgreSQL: scripts/test starts one"]
        crate::postgres::Postgres
    );
}

mod postgres_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs PostgreSQL: scripts/test starts one"]
        crate::postgres::TWICE
    );
}

mod pgbouncer {
    otp_auth::store_conformance!(
        #[ignore = "needs pgbouncer: scripts/test starts one"]
        crate::pgbouncer::PgBouncer
    );
}

mod pgbouncer_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs pgbouncer: scripts/test starts one"]
        crate::pgbouncer::TWICE
    );
}

mod mysql {
    otp_auth::store_conformance!(
        #[ignore = "needs MariaDB: scripts/test starts one"]
        crate::mysql::MySql
    );
}

mod mysql_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs MariaDB: scripts/test starts one"]
        crate::mysql::TWICE
    );
}

mod mongodb {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        crate::mongo::REPLICA_SET
    );
}

mod mongodb_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        crate::mongo::REPLICA_SET_TWICE
    );
}

mod mongodb_with_a_filter {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        crate::mongo::MEMBERS
    );
}

mod mongodb_standalone {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        crate::mongo::STANDALONE
    );
}

mod mongodb_standalone_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        crate::mongo::STANDALONE_TWICE
    );
}
