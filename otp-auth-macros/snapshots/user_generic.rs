#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl<T, const N: usize> ::otp_auth::__private::OtpUser for User<T, N>
where
    T: Send + Sync + 'static,
{
    type Id = i64;
    #[cfg(not(doc))]
    type Claims = <Own as ::otp_auth::__private::Checked<
        { ::otp_auth::__private::claims::<Own>() },
    >>::Type;
    #[cfg(doc)]
    type Claims = Own;
    const CHECKED: ::core::primitive::bool = ::otp_auth::__private::shared::<Self>();
    fn id(&self) -> &Self::Id {
        &self.id
    }
    fn email(&self) -> &::core::primitive::str {
        ::otp_auth::__private::AddressField::text(&self.email)
    }
    fn claims(&self) -> Self::Claims {
        <Own as ::core::convert::From<&Self>>::from(self)
    }
    fn default_realm() -> &'static ::core::primitive::str {
        "User"
    }
}
