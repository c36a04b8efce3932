//! The keys of `#[otp_user]` and `#[otp]`, and words that people know from other libraries.

use crate::entry::{Form, Key, Vocabulary};

const REFERENCE: &str = "https://docs.rs/otp-auth/latest/otp_auth/derive.OtpUser.html";

const OF_THE_CONFIGURATION: &str = "it goes on a field of the struct with `#[otp_config(...)]`";
const OF_THE_TABLE: &str = "the table definition determines that, so remove it";
const OPTIONAL: &str = "the type says that already (an `Option` allows `NULL`), so remove this";
const COUNTED: &str = "an id without `generate` comes from the database, so remove this";
const DIALECT: &str = "name the database in `stores(sqlite)`, `stores(postgres)` or `stores(mysql)`";

pub(super) const ITEM: Vocabulary = Vocabulary {
    attribute: "#[otp_user(...)]",
    keys: &[
        Key::new("table", Form::Value, "table = \"users\""),
        Key::new("stores", Form::List, "stores(sqlite)"),
        Key::new("collection", Form::Value, "collection = \"users\""),
        Key::new("filter", Form::ValueOrList, "filter = \"deleted_at IS NULL\""),
        Key::new("claims", Form::Type, "claims = MyClaims"),
        Key::new("crate", Form::Value, "crate = path::to::otp_auth"),
    ],
    elsewhere: &[
        ("table_name tablename name relation", "table"),
        ("store backend backends", "stores"),
        ("where scope condition soft_delete only", "filter"),
        ("coll collection_name", "collection"),
        ("claim_type claims_type", "claims"),
        ("id", "it goes on the id field: `#[otp(id)]`"),
        ("primary_key pk", "put `#[otp(id)]` on the field of the primary key"),
        ("email", "it goes on the address field: `#[otp(email)]`"),
        ("verified", "it goes on the field that holds it: `#[otp(verified)]`"),
        ("claim", "it goes on a field: `#[otp(claim)]`"),
        ("column", "it goes on a field: `#[otp(column = \"name\")]`"),
        ("default", "it goes on a field: `#[otp(default)]`"),
        ("generate", "it goes on the id field: `#[otp(id, generate = …)]`"),
        ("json", "it goes on a field: `#[otp(json)]`"),
        ("skip", "it goes on a field: `#[otp(skip)]`"),
        ("user", "it is a key of `#[otp_config(...)]`"),
        ("rename rename_all", "write `#[otp(column = \"name\")]` on each field whose column has another name"),
        ("schema", "it is part of the table name: write `table = \"schema.users\"`"),
        ("sqlite postgres postgresql mysql mariadb db driver dialect", DIALECT),
        ("mongodb mongo", "name the collection: write `collection = \"users\"`"),
        ("database url", "pass it to the store: `SqliteStore::connect(\"…\")`"),
    ],
    valued: &[],
    reference: REFERENCE,
};

pub(super) const FIELD: Vocabulary = Vocabulary {
    attribute: "#[otp(...)]",
    keys: &[
        Key::new("id", Form::Word, "id"),
        Key::new("generate", Form::Value, "generate = Uuid::now_v7()"),
        Key::new("email", Form::Word, "email"),
        Key::new("verified", Form::Word, "verified"),
        Key::new("claim", Form::WordOrValue, "claim = \"name\""),
        Key::new("column", Form::Value, "column = \"name\""),
        Key::new("default", Form::WordOrValue, "default = …"),
        Key::new("json", Form::Word, "json"),
        Key::new("skip", Form::Word, "skip"),
    ],
    elsewhere: &[
        ("primary_key pk primary key primarykey user_id uid", "id"),
        ("mail e_mail address email_address login", "email"),
        ("verify confirmed is_verified verified_at email_verified confirmed_at", "verified"),
        ("column_name col field db_name", "column"),
        ("ignore ignored transient skipped exclude omit", "skip"),
        ("jsonb serialize serde serialized", "json"),
        ("claims in_token token public", "claim"),
        ("default_value initial", "default"),
        ("generated generator new", "generate"),
        ("auto_increment autoincrement auto serial identity autoinc increment auto_generated", COUNTED),
        ("nullable optional null not_null required notnull", OPTIONAL),
        (
            "index indexed unique foreign_key references check on_delete",
            "add it to the table definition, and remove it here",
        ),
        ("type sql_type db_type text varchar size length max_length", OF_THE_TABLE),
        (
            "readonly read_only updatable insertable",
            "otp-auth only inserts new users and sets `verified`, so remove it",
        ),
        ("flatten", "otp-auth does not flatten fields: list the inner fields here"),
        ("table", "it goes on the struct: `#[otp_user(table = \"users\")]`"),
        ("stores", "it goes on the struct: `#[otp_user(stores(sqlite))]`"),
        ("collection", "it goes on the struct: `#[otp_user(collection = \"users\")]`"),
        ("filter", "it goes on the struct: `#[otp_user(filter = \"deleted_at IS NULL\")]`"),
        ("crate", "it goes on the struct: `#[otp_user(crate = …)]`"),
        ("sender", OF_THE_CONFIGURATION),
        ("hooks", OF_THE_CONFIGURATION),
        ("rename name alias with", "write `column = \"name\"` for the database or `claim = \"name\"` for the token"),
        ("username role", "write `claim` to include the field in the token; a plain column needs no attribute"),
    ],
    valued: &[
        ("id", "write `id, column = \"{}\"`", "write `id, generate = …`"),
        ("email", "write `email, column = \"{}\"`", "write `email` alone"),
        ("verified", "write `verified, column = \"{}\"`", "write `verified` alone"),
    ],
    reference: REFERENCE,
};
