/// The claims that an access token carries for a [`User`].
#[allow(
    non_camel_case_types,
    private_interfaces,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
#[derive(
    ::core::clone::Clone,
    ::core::fmt::Debug,
    ::otp_auth::__private::serde::Serialize,
    ::otp_auth::__private::serde::Deserialize,
)]
#[serde(crate = "::otp_auth::__private::serde")]
struct UserClaims {}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::OtpUser for User {
    type Id = Uuid;
    type Claims = UserClaims;
    const CHECKED: ::core::primitive::bool = ::otp_auth::__private::shared::<Self>();
    fn id(&self) -> &Self::Id {
        &self.id
    }
    fn email(&self) -> &::core::primitive::str {
        ::otp_auth::__private::AddressField::text(&self.email)
    }
    fn claims(&self) -> Self::Claims {
        UserClaims {}
    }
    fn verified(&self) -> ::core::option::Option<::core::primitive::bool> {
        ::core::option::Option::Some(
            ::core::option::Option::is_some(&self.email_verified_at),
        )
    }
    fn mark_verified(&mut self, now: ::otp_auth::__private::Timestamp) {
        if ::core::option::Option::is_none(&self.email_verified_at) {
            self.email_verified_at = ::otp_auth::__private::moment::<DateTime<Utc>>(now);
        }
    }
    fn default_realm() -> &'static ::core::primitive::str {
        "users"
    }
}
#[automatically_derived]
impl ::otp_auth::__private::VerifiableUser for User {}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::postgres::SqlUser<::otp_auth::__private::postgres::Database>
for User {
    const SELECT_BY_ID: &'static ::core::primitive::str = "SELECT \"users\".\"id\", \"users\".\"email\", \"users\".\"email_verified_at\" FROM \"users\" WHERE \"users\".\"id\" = $1 AND (deleted_at IS NULL)";
    const SELECT_CURRENT: &'static ::core::primitive::str = "SELECT \"users\".\"id\", \"users\".\"email\", \"users\".\"email_verified_at\" FROM \"users\" WHERE \"users\".\"id\" = $1 AND (deleted_at IS NULL) AND NOT EXISTS (SELECT 1 FROM \"token_blacklist\" WHERE \"token_blacklist\".\"realm\" = $2 AND \"token_blacklist\".\"id\" IN ($3, $4, $5) AND \"token_blacklist\".\"expires_at\" > $6 AND (\"token_blacklist\".\"type\" <> 'user' OR \"token_blacklist\".\"blacklisted_at\" > $7))";
    const SELECT_BY_EMAIL: &'static ::core::primitive::str = "SELECT \"users\".\"id\", \"users\".\"email\", \"users\".\"email_verified_at\" FROM \"users\" WHERE \"users\".\"email\" = $1 AND \"users\".\"email\"::text COLLATE \"C\" = $1::text AND \"users\".\"id\" IS NOT NULL AND (deleted_at IS NULL) LIMIT 1";
    const SELECT_LOCKED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "SELECT \"users\".\"id\", \"users\".\"email\", \"users\".\"email_verified_at\" FROM \"users\" WHERE \"users\".\"id\" = $1 AND \"users\".\"email\" = $2 AND \"users\".\"email\"::text COLLATE \"C\" = $2::text AND (deleted_at IS NULL) FOR NO KEY UPDATE",
    );
    const SELECT_EXCLUDED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "SELECT 1 FROM \"users\" WHERE \"users\".\"email\" = $1 AND \"users\".\"id\" IS NOT NULL AND (deleted_at IS NULL) IS NOT TRUE UNION ALL SELECT 1 FROM \"users\" WHERE lower(\"users\".\"email\"::text) = lower($1::text) AND \"users\".\"id\" IS NOT NULL AND (deleted_at IS NULL) IS NOT TRUE LIMIT 1",
    );
    const INSERT: &'static ::core::primitive::str = "INSERT INTO \"users\" (\"id\", \"email\", \"email_verified_at\") VALUES ($1, $2, $3)";
    const MARK_VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "UPDATE \"users\" SET \"email_verified_at\" = $2 WHERE \"id\" = $1 AND \"email_verified_at\" IS NULL AND (deleted_at IS NULL)",
    );
    fn from_row(
        row: &::otp_auth::__private::postgres::Row,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::postgres::Error,
    > {
        if ::otp_auth::__private::postgres::is_null(row, 0usize)?
            || ::otp_auth::__private::postgres::is_null(row, 1usize)?
        {
            return ::core::result::Result::Ok(::core::option::Option::None);
        }
        ::core::result::Result::Ok(
            ::core::option::Option::Some(Self {
                id: <Uuid as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::postgres::Database,
                >>::get(row, 0usize)?,
                email: <String as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::postgres::Database,
                >>::get(row, 1usize)?,
                email_verified_at: <Option<
                    DateTime<Utc>,
                > as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::postgres::Database,
                >>::get(row, 2usize)?,
            }),
        )
    }
    fn bind_id(
        id: &Self::Id,
        arguments: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        <Uuid as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::postgres::Database,
        >>::bind_compared(::core::clone::Clone::clone(id), arguments)
    }
    fn bind_email(
        email: &::core::primitive::str,
        arguments: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        <String as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::postgres::Database,
        >>::bind_compared(::core::convert::From::from(email), arguments)
    }
    fn bind_new(
        email: &::core::primitive::str,
        now: ::otp_auth::__private::Timestamp,
        arguments: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        <Uuid as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::postgres::Database,
        >>::bind(Uuid::now_v7(), arguments)?;
        <String as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::postgres::Database,
        >>::bind(::core::convert::From::from(email), arguments)?;
        <Option<
            DateTime<Utc>,
        > as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::postgres::Database,
        >>::bind(::otp_auth::__private::moment::<DateTime<Utc>>(now), arguments)?;
        ::core::result::Result::Ok(())
    }
    fn bind_proof(
        id: &Self::Id,
        now: ::otp_auth::__private::Timestamp,
        arguments: &mut ::otp_auth::__private::postgres::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::postgres::Error> {
        <Self as ::otp_auth::__private::postgres::SqlUser<
            ::otp_auth::__private::postgres::Database,
        >>::bind_id(id, arguments)?;
        <Option<
            DateTime<Utc>,
        > as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::postgres::Database,
        >>::bind(::otp_auth::__private::moment::<DateTime<Utc>>(now), arguments)?;
        ::core::result::Result::Ok(())
    }
    fn table() -> ::core::option::Option<::otp_auth::__private::postgres::Table> {
        #[allow(unused_imports)]
        use ::otp_auth::__private::postgres::Unknown as _;
        ::core::option::Option::Some(::otp_auth::__private::postgres::Table {
            schema: ::core::option::Option::None,
            name: "users",
            quoted: "\"users\"",
            id: "id",
            email: "email",
            verified: ::core::option::Option::Some("email_verified_at"),
            filter: ::core::option::Option::Some(::otp_auth::__private::postgres::Filter {
                text: "deleted_at IS NULL",
                probe: "SELECT 1 FROM \"users\" WHERE 1 = 0 AND (deleted_at IS NULL)",
            }),
            columns: ::core::convert::From::from([
                ::otp_auth::__private::postgres::Column {
                    name: "id",
                    quoted: "\"id\"",
                    probe: "SELECT \"users\".\"id\" FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN \"users\" ON 1 = 0",
                    given: ::otp_auth::__private::postgres::Given::Value,
                    field: ::otp_auth::__private::postgres::FieldOf::<Uuid>::new()
                        .describe(),
                },
                ::otp_auth::__private::postgres::Column {
                    name: "email",
                    quoted: "\"email\"",
                    probe: "SELECT \"users\".\"email\" FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN \"users\" ON 1 = 0",
                    given: ::otp_auth::__private::postgres::Given::Value,
                    field: ::otp_auth::__private::postgres::FieldOf::<String>::new()
                        .describe(),
                },
                ::otp_auth::__private::postgres::Column {
                    name: "email_verified_at",
                    quoted: "\"email_verified_at\"",
                    probe: "SELECT \"users\".\"email_verified_at\" FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN \"users\" ON 1 = 0",
                    given: ::otp_auth::__private::postgres::Given::Value,
                    field: ::otp_auth::__private::postgres::FieldOf::<
                        Option<DateTime<Utc>>,
                    >::new()
                        .describe(),
                },
            ]),
        })
    }
}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::mysql::SqlUser<::otp_auth::__private::mysql::Database>
for User {
    const SELECT_BY_ID: &'static ::core::primitive::str = "SELECT `users`.`id`, `users`.`email`, `users`.`email_verified_at` FROM `users` WHERE `users`.`id` = ? AND (deleted_at IS NULL)";
    const SELECT_CURRENT: &'static ::core::primitive::str = "SELECT `users`.`id`, `users`.`email`, `users`.`email_verified_at` FROM `users` WHERE `users`.`id` = ? AND (deleted_at IS NULL) AND NOT EXISTS (SELECT 1 FROM `token_blacklist` WHERE `token_blacklist`.`realm` = ? AND `token_blacklist`.`id` IN (?, ?, ?) AND `token_blacklist`.`expires_at` > ? AND (`token_blacklist`.`type` <> 'user' OR `token_blacklist`.`blacklisted_at` > ?))";
    const SELECT_BY_EMAIL: &'static ::core::primitive::str = "SELECT `users`.`id`, `users`.`email`, `users`.`email_verified_at` FROM `users` WHERE `users`.`email` = ? AND CAST(CONVERT(`users`.`email` USING utf8mb4) AS BINARY) <=> CAST(CONVERT(? USING utf8mb4) AS BINARY) AND `users`.`id` IS NOT NULL AND (deleted_at IS NULL) LIMIT 1";
    const SELECT_LOCKED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "SELECT `users`.`id`, `users`.`email`, `users`.`email_verified_at` FROM `users` WHERE `users`.`id` = ? AND `users`.`email` = ? AND CAST(CONVERT(`users`.`email` USING utf8mb4) AS BINARY) <=> CAST(CONVERT(? USING utf8mb4) AS BINARY) AND (deleted_at IS NULL) LOCK IN SHARE MODE",
    );
    const SELECT_EXCLUDED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "SELECT 1 FROM `users` WHERE `users`.`email` = ? AND `users`.`id` IS NOT NULL AND (deleted_at IS NULL) IS NOT TRUE LIMIT 1",
    );
    const INSERT: &'static ::core::primitive::str = "INSERT INTO `users` (`id`, `email`, `email_verified_at`) VALUES (?, ?, ?)";
    const MARK_VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "UPDATE `users` SET `email_verified_at` = ? WHERE `id` = ? AND `email_verified_at` IS NULL AND (deleted_at IS NULL)",
    );
    fn from_row(
        row: &::otp_auth::__private::mysql::Row,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::mysql::Error,
    > {
        if ::otp_auth::__private::mysql::is_null(row, 0usize)?
            || ::otp_auth::__private::mysql::is_null(row, 1usize)?
        {
            return ::core::result::Result::Ok(::core::option::Option::None);
        }
        ::core::result::Result::Ok(
            ::core::option::Option::Some(Self {
                id: <Uuid as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::mysql::Database,
                >>::get(row, 0usize)?,
                email: <String as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::mysql::Database,
                >>::get(row, 1usize)?,
                email_verified_at: <Option<
                    DateTime<Utc>,
                > as ::otp_auth::__private::WrittenColumn<
                    ::otp_auth::__private::mysql::Database,
                >>::get(row, 2usize)?,
            }),
        )
    }
    fn bind_id(
        id: &Self::Id,
        arguments: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        <Uuid as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::mysql::Database,
        >>::bind_compared(::core::clone::Clone::clone(id), arguments)
    }
    fn bind_email(
        email: &::core::primitive::str,
        arguments: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        <String as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::mysql::Database,
        >>::bind_compared(::core::convert::From::from(email), arguments)
    }
    fn bind_new(
        email: &::core::primitive::str,
        now: ::otp_auth::__private::Timestamp,
        arguments: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        <Uuid as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::mysql::Database,
        >>::bind(Uuid::now_v7(), arguments)?;
        <String as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::mysql::Database,
        >>::bind(::core::convert::From::from(email), arguments)?;
        <Option<
            DateTime<Utc>,
        > as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::mysql::Database,
        >>::bind(::otp_auth::__private::moment::<DateTime<Utc>>(now), arguments)?;
        ::core::result::Result::Ok(())
    }
    fn bind_proof(
        id: &Self::Id,
        now: ::otp_auth::__private::Timestamp,
        arguments: &mut ::otp_auth::__private::mysql::Arguments,
    ) -> ::core::result::Result<(), ::otp_auth::__private::mysql::Error> {
        <Option<
            DateTime<Utc>,
        > as ::otp_auth::__private::WrittenColumn<
            ::otp_auth::__private::mysql::Database,
        >>::bind(::otp_auth::__private::moment::<DateTime<Utc>>(now), arguments)?;
        <Self as ::otp_auth::__private::mysql::SqlUser<
            ::otp_auth::__private::mysql::Database,
        >>::bind_id(id, arguments)?;
        ::core::result::Result::Ok(())
    }
    fn table() -> ::core::option::Option<::otp_auth::__private::mysql::Table> {
        #[allow(unused_imports)]
        use ::otp_auth::__private::mysql::Unknown as _;
        ::core::option::Option::Some(::otp_auth::__private::mysql::Table {
            schema: ::core::option::Option::None,
            name: "users",
            quoted: "`users`",
            id: "id",
            email: "email",
            verified: ::core::option::Option::Some("email_verified_at"),
            filter: ::core::option::Option::Some(::otp_auth::__private::mysql::Filter {
                text: "deleted_at IS NULL",
                probe: "SELECT 1 FROM `users` WHERE 1 = 0 AND (deleted_at IS NULL)",
            }),
            columns: ::core::convert::From::from([
                ::otp_auth::__private::mysql::Column {
                    name: "id",
                    quoted: "`id`",
                    probe: "SELECT `users`.`id` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `users` ON 1 = 0",
                    given: ::otp_auth::__private::mysql::Given::Value,
                    field: ::otp_auth::__private::mysql::FieldOf::<Uuid>::new()
                        .describe(),
                },
                ::otp_auth::__private::mysql::Column {
                    name: "email",
                    quoted: "`email`",
                    probe: "SELECT `users`.`email` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `users` ON 1 = 0",
                    given: ::otp_auth::__private::mysql::Given::Value,
                    field: ::otp_auth::__private::mysql::FieldOf::<String>::new()
                        .describe(),
                },
                ::otp_auth::__private::mysql::Column {
                    name: "email_verified_at",
                    quoted: "`email_verified_at`",
                    probe: "SELECT `users`.`email_verified_at` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `users` ON 1 = 0",
                    given: ::otp_auth::__private::mysql::Given::Value,
                    field: ::otp_auth::__private::mysql::FieldOf::<
                        Option<DateTime<Utc>>,
                    >::new()
                        .describe(),
                },
            ]),
        })
    }
}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::mongodb::MongoUser for User {
    const COLLECTION: &'static ::core::primitive::str = "users";
    const ID: &'static ::core::primitive::str = "_id";
    const EMAIL: &'static ::core::primitive::str = "email";
    const VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "email_verified_at",
    );
    fn from_document(
        document: &::otp_auth::__private::mongodb::Stored,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::mongodb::Error,
    > {
        if ::otp_auth::__private::mongodb::is_absent(document, "_id")?
            || ::otp_auth::__private::mongodb::is_absent(document, "email")?
        {
            return ::core::result::Result::Ok(::core::option::Option::None);
        }
        ::core::result::Result::Ok(
            ::core::option::Option::Some(Self {
                id: ::otp_auth::__private::mongodb::required::<Uuid>(document, "_id")?,
                email: ::otp_auth::__private::mongodb::required::<
                    String,
                >(document, "email")?,
                email_verified_at: ::otp_auth::__private::mongodb::or::<
                    Option<DateTime<Utc>>,
                >(document, "email_verified_at", || ::core::option::Option::None)?,
            }),
        )
    }
    fn id_value(
        id: &Self::Id,
    ) -> ::core::result::Result<
        ::otp_auth::__private::mongodb::Bson,
        ::otp_auth::__private::mongodb::Error,
    > {
        ::otp_auth::__private::mongodb::id::<Uuid>(id)
    }
    fn email_value(
        email: &::core::primitive::str,
    ) -> ::core::result::Result<
        ::otp_auth::__private::mongodb::Bson,
        ::otp_auth::__private::mongodb::Error,
    > {
        ::otp_auth::__private::mongodb::value::<
            String,
        >("email", ::core::convert::From::from(email))
    }
    fn new_document(
        email: &::core::primitive::str,
        now: ::otp_auth::__private::Timestamp,
    ) -> ::core::result::Result<
        ::otp_auth::__private::mongodb::Document,
        ::otp_auth::__private::mongodb::Error,
    > {
        let mut document = ::otp_auth::__private::mongodb::Document::new();
        ::otp_auth::__private::mongodb::put_id::<
            Uuid,
        >(&mut document, "_id", Uuid::now_v7())?;
        ::otp_auth::__private::mongodb::put::<
            String,
        >(&mut document, "email", ::core::convert::From::from(email))?;
        ::otp_auth::__private::mongodb::put::<
            Option<DateTime<Utc>>,
        >(
            &mut document,
            "email_verified_at",
            ::otp_auth::__private::moment::<DateTime<Utc>>(now),
        )?;
        ::core::result::Result::Ok(document)
    }
    fn verified_value(
        now: ::otp_auth::__private::Timestamp,
    ) -> ::core::result::Result<
        ::otp_auth::__private::mongodb::Bson,
        ::otp_auth::__private::mongodb::Error,
    > {
        ::otp_auth::__private::mongodb::value::<
            Option<DateTime<Utc>>,
        >("email_verified_at", ::otp_auth::__private::moment::<DateTime<Utc>>(now))
    }
    fn filter() -> ::otp_auth::__private::mongodb::Document {
        let mut filter = ::otp_auth::__private::mongodb::Document::new();
        filter
            .insert(
                "deleted",
                <::otp_auth::__private::mongodb::Bson as ::core::convert::From<
                    _,
                >>::from(false),
            );
        filter.insert("left", ::otp_auth::__private::mongodb::Bson::Null);
        filter
            .insert(
                "kind",
                <::otp_auth::__private::mongodb::Bson as ::core::convert::From<
                    _,
                >>::from("person"),
            );
        filter
    }
}
