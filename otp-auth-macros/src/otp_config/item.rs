//! The struct with the attribute, and the roles of its fields.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{
    Data, DeriveInput, Field, Fields, FieldsNamed, FieldsUnnamed, Generics, Index, Member, ReturnType, Type,
    parse_quote,
};

use super::fallback::Place;
use super::words::FIELD;
use crate::diag::{Error, Errors, mistake};
use crate::reader::read_attribute;
use crate::slot::Slot;
use crate::syntax::{checked, may_be_of_one_thread, mentions, visible_name};

const EXAMPLE: &str = "write `struct Auth { #[otp(sender)] sender: ConsoleSender }`";

/// The user's struct, and the roles that attributes give its fields.
pub(crate) struct Item<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) sender: Option<FieldRole>,
    pub(crate) hooks: Option<FieldRole>,
    pub(crate) limiter: Option<FieldRole>,
}

/// A field with a role.
#[derive(Clone)]
pub(crate) struct FieldRole {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    /// The word in the attribute.
    pub(crate) word: Option<Ident>,
}

impl<'a> Item<'a> {
    pub(crate) fn read(input: &'a DeriveInput, errors: &mut Errors) -> Self {
        let mut item =
            Self { ident: &input.ident, generics: &input.generics, sender: None, hooks: None, limiter: None };
        match &input.data {
            Data::Struct(data) => {
                for (index, field) in data.fields.iter().enumerate() {
                    item.take(index, field, errors);
                }
            }
            Data::Enum(_) => errors.push(no_struct(&input.ident, "an enum")),
            Data::Union(_) => errors.push(no_struct(&input.ident, "a union")),
        }
        item
    }

    fn take(&mut self, index: usize, field: &Field, errors: &mut Errors) {
        let mut sender = Slot::<()>::Absent;
        let mut hooks = Slot::<()>::Absent;
        let mut limiter = Slot::<()>::Absent;
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("otp")) {
            for entry in &read_attribute(attribute, &FIELD, errors) {
                match entry.name {
                    "sender" => sender.put_value(entry, errors),
                    "hooks" => hooks.put_value(entry, errors),
                    "limiter" => limiter.put_value(entry, errors),
                    _ => {}
                }
            }
        }
        let role = |slot: &Slot<()>| FieldRole {
            member: match &field.ident {
                Some(ident) => Member::Named(ident.clone()),
                None => Member::Unnamed(Index::from(index)),
            },
            ty: field.ty.clone(),
            word: slot.key().cloned(),
        };
        let roles = [
            ("sender", &sender, &mut self.sender),
            ("hooks", &hooks, &mut self.hooks),
            ("limiter", &limiter, &mut self.limiter),
        ];
        for (name, slot, place) in roles {
            match (slot.is_absent(), &place) {
                (true, _) => {}
                (false, None) => *place = Some(role(slot)),
                (false, Some(first)) => errors.push(second(name, slot, first, field)),
            }
        }
    }
}

fn second(name: &str, slot: &Slot<()>, first: &FieldRole, field: &Field) -> Error {
    let message = format!(
        "only one field can have `{name}`, and `{}` already does: remove one of the two",
        first.member.to_token_stream()
    );
    match slot.key() {
        Some(key) => mistake(key, message),
        None => mistake(&field.ty, message),
    }
}

fn no_struct(place: &impl ToTokens, what: &str) -> Error {
    mistake(place, format_args!("`#[otp_config(...)]` goes on a struct, but this is {what}: {EXAMPLE}"))
}

/// Reports an item that is not a type. Returns where the stand-in goes, if there is one.
pub(super) fn refuse(tokens: &TokenStream, errors: &mut Errors) -> Option<Place> {
    let item = syn::parse2::<syn::Item>(tokens.clone()).ok()?;
    let (what, place) = match &item {
        syn::Item::Fn(item) => ("a function", item.sig.ident.to_token_stream()),
        syn::Item::Impl(item) => ("an impl", item.self_ty.to_token_stream()),
        syn::Item::Mod(item) => ("a module", item.ident.to_token_stream()),
        syn::Item::Type(item) => ("a type alias", item.ident.to_token_stream()),
        _ => ("not a struct", item.to_token_stream()),
    };
    errors.push(no_struct(&place, what));
    match &item {
        syn::Item::Impl(item) => Some(Place::of_impl(item)),
        // It probably returns the configuration.
        syn::Item::Fn(syn::ItemFn { sig: syn::Signature { output: ReturnType::Type(_, ty), .. }, .. }) => {
            let (name, arguments) = visible_name(ty)?;
            let is_own = arguments.is_none() && !["Self", "String", "bool", "Router"].contains(&&*name);
            is_own.then(|| Place::of_type(ty))
        }
        syn::Item::Type(item) => item.generics.params.is_empty().then(|| Place::of_type(&item.ident)),
        _ => None,
    }
}

/// Rejects fields whose types threads cannot share, and `dyn` of traits that do not support it. The
/// error replaces the type, so that nothing else is reported about it.
pub(super) fn refuse_types(input: &mut DeriveInput, private: &TokenStream) {
    let Data::Struct(data) = &mut input.data else { return };
    let mut checks = Vec::new();
    for (index, field) in data.fields.iter_mut().enumerate() {
        let roles = field.attrs.iter().filter(|attribute| attribute.path().is_ident("otp"));
        let roles = roles.map(|attribute| attribute.meta.to_token_stream().to_string()).collect::<String>();
        let is_dyn = |name| mentions(&field.ty, "dyn") && mentions(&field.ty, name);
        let message = if roles.contains("sender") && is_dyn("SendOtp") {
            "`SendOtp` is not dyn-compatible: write `otp_auth::send::AnySender`"
        } else if roles.contains("hooks") && is_dyn("Hooks") {
            "`Hooks` is not dyn-compatible: write the type that implements it"
        } else if roles.contains("limiter") && is_dyn("Limiter") {
            "`Limiter` is not dyn-compatible: write the type that implements it"
        } else {
            if may_be_of_one_thread(&field.ty) || mentions(&field.ty, "dyn") {
                checks.extend(checked(&field.ty, "shared", &input.generics, private).map(|ty| (index, ty)));
            }
            continue;
        };
        let error = mistake(&field.ty, message).into_compile_error();
        field.ty = parse_quote!([(); { #error }]);
    }
    let (Fields::Named(FieldsNamed { named: fields, .. }) | Fields::Unnamed(FieldsUnnamed { unnamed: fields, .. })) =
        &mut data.fields
    else {
        return;
    };
    // Documentation shows the types as written.
    for (index, checked) in checks.into_iter().rev() {
        let mut field = fields[index].clone();
        fields[index].attrs.push(parse_quote!(#[cfg(doc)]));
        field.attrs.push(parse_quote!(#[cfg(not(doc))]));
        field.ty = parse_quote!(#checked);
        fields.insert(index, field);
    }
}

/// Removes the attributes that only the derive understands.
pub(super) fn remove_attributes(input: &mut DeriveInput) {
    if let Data::Struct(data) = &mut input.data {
        for field in &mut data.fields {
            field.attrs.retain(|attribute| !attribute.path().is_ident("otp"));
        }
    }
}
