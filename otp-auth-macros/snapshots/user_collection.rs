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
    ::otp_auth::__private::serde::Serialize,
    ::otp_auth::__private::serde::Deserialize,
)]
#[serde(crate = "::otp_auth::__private::serde")]
pub(crate) struct MemberClaims {
    /// The claim `role`.
    #[serde(rename = "role")]
    pub r#type: Role,
}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::OtpUser for Member {
    type Id = ObjectId;
    type Claims = MemberClaims;
    const CHECKED: ::core::primitive::bool = ::otp_auth::__private::shared::<Self>();
    fn id(&self) -> &Self::Id {
        &self.id
    }
    fn email(&self) -> &::core::primitive::str {
        ::otp_auth::__private::AddressField::text(&self.address)
    }
    fn claims(&self) -> Self::Claims {
        MemberClaims {
            r#type: ::core::clone::Clone::clone(&self.r#type),
        }
    }
    fn verified(&self) -> ::core::option::Option<::core::primitive::bool> {
        ::core::option::Option::Some(self.confirmed)
    }
    fn mark_verified(&mut self, _: ::otp_auth::__private::Timestamp) {
        self.confirmed = true;
    }
    fn default_realm() -> &'static ::core::primitive::str {
        "members"
    }
}
#[automatically_derived]
impl ::otp_auth::__private::VerifiableUser for Member {}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::mongodb::MongoUser for Member {
    const COLLECTION: &'static ::core::primitive::str = "members";
    const ID: &'static ::core::primitive::str = "_id";
    const EMAIL: &'static ::core::primitive::str = "mail";
    const VERIFIED: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        "confirmed",
    );
    fn from_document(
        document: &::otp_auth::__private::mongodb::Stored,
    ) -> ::core::result::Result<
        ::core::option::Option<Self>,
        ::otp_auth::__private::mongodb::Error,
    > {
        if ::otp_auth::__private::mongodb::is_absent(document, "_id")?
            || ::otp_auth::__private::mongodb::is_absent(document, "mail")?
        {
            return ::core::result::Result::Ok(::core::option::Option::None);
        }
        ::core::result::Result::Ok(
            ::core::option::Option::Some(Self {
                id: ::otp_auth::__private::mongodb::required::<
                    ObjectId,
                >(document, "_id")?,
                address: ::otp_auth::__private::mongodb::required::<
                    Address,
                >(document, "mail")?,
                confirmed: ::otp_auth::__private::mongodb::or::<
                    bool,
                >(document, "confirmed", || false)?,
                r#type: ::otp_auth::__private::mongodb::or::<
                    Role,
                >(document, "type", || Role::Guest)?,
                language: ::otp_auth::__private::mongodb::or::<
                    String,
                >(document, "language", || ::core::convert::From::from("en"))?,
                tags: ::otp_auth::__private::mongodb::or::<
                    Vec<String>,
                >(document, "tags", || ::core::default::Default::default())?,
                cached: ::core::default::Default::default(),
                nickname: ::otp_auth::__private::mongodb::or::<
                    Option<String>,
                >(document, "nickname", || ::core::default::Default::default())?,
            }),
        )
    }
    fn id_value(
        id: &Self::Id,
    ) -> ::core::result::Result<
        ::otp_auth::__private::mongodb::Bson,
        ::otp_auth::__private::mongodb::Error,
    > {
        ::otp_auth::__private::mongodb::id::<ObjectId>(id)
    }
    fn email_value(
        email: &::core::primitive::str,
    ) -> ::core::result::Result<
        ::otp_auth::__private::mongodb::Bson,
        ::otp_auth::__private::mongodb::Error,
    > {
        ::otp_auth::__private::mongodb::value::<
            Address,
        >("mail", ::core::convert::From::from(email))
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
            ObjectId,
        >(
            &mut document,
            "_id",
            ::otp_auth::__private::mongodb::generated::<ObjectId>()?,
        )?;
        ::otp_auth::__private::mongodb::put::<
            Address,
        >(&mut document, "mail", ::core::convert::From::from(email))?;
        ::otp_auth::__private::mongodb::put::<bool>(&mut document, "confirmed", true)?;
        ::otp_auth::__private::mongodb::put::<Role>(&mut document, "type", Role::Guest)?;
        ::otp_auth::__private::mongodb::put::<
            String,
        >(&mut document, "language", ::core::convert::From::from("en"))?;
        ::otp_auth::__private::mongodb::put::<
            Vec<String>,
        >(&mut document, "tags", ::core::default::Default::default())?;
        ::otp_auth::__private::mongodb::put::<
            Option<String>,
        >(&mut document, "nickname", ::core::default::Default::default())?;
        ::core::result::Result::Ok(document)
    }
}
