/// The claims that an access token carries for a [`Member`].
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
    framework::otp::__private::serde::Serialize,
    framework::otp::__private::serde::Deserialize,
)]
#[serde(crate = "framework::otp::__private::serde")]
pub(crate) struct MemberClaims {
    /// The claim `role`.
    #[serde(rename = "role")]
    pub r#type: Role,
}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl framework::otp::__private::OtpUser for Member {
    #[cfg(not(doc))]
    type Id = <MemberId as framework::otp::__private::Checked<
        { framework::otp::__private::id::<MemberId>() },
    >>::Type;
    #[cfg(doc)]
    type Id = MemberId;
    type Claims = MemberClaims;
    const CHECKED: ::core::primitive::bool = framework::otp::__private::shared::<Self>();
    fn id(&self) -> &Self::Id {
        &self.id
    }
    fn email(&self) -> &::core::primitive::str {
        framework::otp::__private::AddressField::text(&self.address)
    }
    fn claims(&self) -> Self::Claims {
        MemberClaims {
            r#type: ::core::clone::Clone::clone(&self.r#type),
        }
    }
    fn default_realm() -> &'static ::core::primitive::str {
        "app.member`s"
    }
}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl framework::otp::__private::sqlite::SqlUser<
    framework::otp::__private::sqlite::Database,
> for Member {
    const SELECT_BY_ID: &'static ::core::primitive::str = "SELECT `app`.`member``s`.`MEMBER_ID`, `app`.`member``s`.`mail`, `app`.`member``s`.`type`, `app`.`member``s`.`language`, `app`.`member``s`.`tags`, `app`.`member``s`.`nickname` FROM `app`.`member``s` WHERE `app`.`member``s`.`MEMBER_ID` = ?1";
    const SELECT_CURRENT: &'static ::core::primitive::str = "SELECT `app`.`member``s`.`MEMBER_ID`, `app`.`member``s`.`mail`, `app`.`member``s`.`type`, `app`.`member``s`.`language`, `app`.`member``s`.`tags`, `app`.`member``s`.`nickname` FROM `app`.`member``s` WHERE `app`.`member``s`.`MEMBER_ID` = ?1 AND NOT EXISTS (SELECT 1 FROM `token_blacklist` WHERE `token_blacklist`.`realm` = ?2 AND `token_blacklist`.`id` IN (?3, ?4, ?5) AND `token_blacklist`.`expires_at` > ?6 AND (`token_blacklist`.`type` <> 'user' OR `token_blacklist`.`blacklisted_at` > ?7))";
    const SELECT_BY_EMAIL: &'static ::core::primitive::str = "SELECT `app`.`member``s`.`MEMBER_ID`, `app`.`member``s`.`mail`, `app`.`member``s`.`type`, `app`.`member``s`.`language`, `app`.`member``s`.`tags`, `app`.`member``s`.`nickname` FROM `app`.`member``s` WHERE `app`.`member``s`.`mail` = ?1 AND `app`.`member``s`.`mail` COLLATE BINARY = ?1 AND `app`.`member``s`.`MEMBER_ID` IS NOT NULL LIMIT 1";
    const INSERT: &'static ::core::primitive::str = "INSERT INTO `app`.`member``s` (`MEMBER_ID`, `mail`, `type`, `language`, `tags`) VALUES (?1, ?2, ?3, ?4, ?5)";
    const MARK_VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::None;
    fn from_row(
        row: &framework::otp::__private::sqlite::Row,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        framework::otp::__private::sqlite::Error,
    > {
        if framework::otp::__private::sqlite::is_null(row, 0usize)?
            || framework::otp::__private::sqlite::is_null(row, 1usize)?
        {
            return ::core::result::Result::Ok(::core::option::Option::None);
        }
        ::core::result::Result::Ok(
            ::core::option::Option::Some(Self {
                id: <MemberId as framework::otp::__private::WrittenColumn<
                    framework::otp::__private::sqlite::Database,
                >>::get(row, 0usize)?,
                address: <Address as framework::otp::__private::WrittenColumn<
                    framework::otp::__private::sqlite::Database,
                >>::get(row, 1usize)?,
                r#type: <Role as framework::otp::__private::WrittenColumn<
                    framework::otp::__private::sqlite::Database,
                >>::get(row, 2usize)?,
                language: <String as framework::otp::__private::WrittenColumn<
                    framework::otp::__private::sqlite::Database,
                >>::get(row, 3usize)?,
                tags: framework::otp::__private::sqlite::get_json::<
                    Vec<String>,
                >(row, 4usize)?,
                cached: ::core::default::Default::default(),
                nickname: <Option<
                    String,
                > as framework::otp::__private::Column<
                    framework::otp::__private::sqlite::Database,
                >>::get(row, 5usize)?,
            }),
        )
    }
    fn bind_id(
        id: &Self::Id,
        arguments: &mut framework::otp::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), framework::otp::__private::sqlite::Error> {
        <MemberId as framework::otp::__private::WrittenColumn<
            framework::otp::__private::sqlite::Database,
        >>::bind_compared(<Self::Id as ::core::clone::Clone>::clone(id), arguments)
    }
    fn bind_email(
        email: &::core::primitive::str,
        arguments: &mut framework::otp::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), framework::otp::__private::sqlite::Error> {
        <Address as framework::otp::__private::WrittenColumn<
            framework::otp::__private::sqlite::Database,
        >>::bind_compared(::core::convert::From::from(email), arguments)
    }
    fn bind_new(
        email: &::core::primitive::str,
        now: framework::otp::__private::Timestamp,
        arguments: &mut framework::otp::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), framework::otp::__private::sqlite::Error> {
        <MemberId as framework::otp::__private::WrittenColumn<
            framework::otp::__private::sqlite::Database,
        >>::bind(MemberId(Uuid::now_v7()), arguments)?;
        <Address as framework::otp::__private::WrittenColumn<
            framework::otp::__private::sqlite::Database,
        >>::bind(::core::convert::From::from(email), arguments)?;
        <Role as framework::otp::__private::WrittenColumn<
            framework::otp::__private::sqlite::Database,
        >>::bind(Role::Guest, arguments)?;
        <String as framework::otp::__private::WrittenColumn<
            framework::otp::__private::sqlite::Database,
        >>::bind(::core::convert::From::from("en"), arguments)?;
        framework::otp::__private::sqlite::bind_json::<
            Vec<String>,
        >(arguments, ::core::default::Default::default())?;
        ::core::result::Result::Ok(())
    }
    fn bind_proof(
        id: &Self::Id,
        now: framework::otp::__private::Timestamp,
        arguments: &mut framework::otp::__private::sqlite::Arguments,
    ) -> ::core::result::Result<(), framework::otp::__private::sqlite::Error> {
        <Self as framework::otp::__private::sqlite::SqlUser<
            framework::otp::__private::sqlite::Database,
        >>::bind_id(id, arguments)?;
        ::core::result::Result::Ok(())
    }
    fn table() -> ::core::option::Option<framework::otp::__private::sqlite::Table> {
        #[allow(unused_imports)]
        use framework::otp::__private::sqlite::Unknown as _;
        ::core::option::Option::Some(framework::otp::__private::sqlite::Table {
            schema: ::core::option::Option::Some("app"),
            name: "member`s",
            quoted: "`app`.`member``s`",
            id: "MEMBER_ID",
            email: "mail",
            verified: ::core::option::Option::None,
            filter: ::core::option::Option::None,
            columns: ::core::convert::From::from([
                framework::otp::__private::sqlite::Column {
                    name: "MEMBER_ID",
                    quoted: "`MEMBER_ID`",
                    probe: "SELECT `app`.`member``s`.`MEMBER_ID` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `app`.`member``s` ON 1 = 0",
                    given: framework::otp::__private::sqlite::Given::Value,
                    field: framework::otp::__private::sqlite::FieldOf::<MemberId>::new()
                        .describe(),
                },
                framework::otp::__private::sqlite::Column {
                    name: "mail",
                    quoted: "`mail`",
                    probe: "SELECT `app`.`member``s`.`mail` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `app`.`member``s` ON 1 = 0",
                    given: framework::otp::__private::sqlite::Given::Value,
                    field: framework::otp::__private::sqlite::FieldOf::<Address>::new()
                        .describe(),
                },
                framework::otp::__private::sqlite::Column {
                    name: "type",
                    quoted: "`type`",
                    probe: "SELECT `app`.`member``s`.`type` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `app`.`member``s` ON 1 = 0",
                    given: framework::otp::__private::sqlite::Given::Value,
                    field: framework::otp::__private::sqlite::FieldOf::<Role>::new()
                        .describe(),
                },
                framework::otp::__private::sqlite::Column {
                    name: "language",
                    quoted: "`language`",
                    probe: "SELECT `app`.`member``s`.`language` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `app`.`member``s` ON 1 = 0",
                    given: framework::otp::__private::sqlite::Given::Value,
                    field: framework::otp::__private::sqlite::FieldOf::<String>::new()
                        .describe(),
                },
                framework::otp::__private::sqlite::Column {
                    name: "tags",
                    quoted: "`tags`",
                    probe: "SELECT `app`.`member``s`.`tags` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `app`.`member``s` ON 1 = 0",
                    given: framework::otp::__private::sqlite::Given::Default,
                    field: framework::otp::__private::sqlite::FieldOf::<
                        Vec<String>,
                    >::new()
                        .describe_json(),
                },
                framework::otp::__private::sqlite::Column {
                    name: "nickname",
                    quoted: "`nickname`",
                    probe: "SELECT `app`.`member``s`.`nickname` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `app`.`member``s` ON 1 = 0",
                    given: framework::otp::__private::sqlite::Given::Nothing,
                    field: framework::otp::__private::sqlite::FieldOf::<
                        Option<String>,
                    >::new()
                        .describe(),
                },
            ]),
        })
    }
}
