//! The struct with the attribute, and the roles of its fields.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Data, DeriveInput, Field, GenericArgument, Generics, Index, Member, PathArguments, Type, parse_quote};

use super::fallback::Place;
use super::words::FIELD;
use crate::diag::{Error, Errors, mistake};
use crate::reader::read_attribute;
use crate::slot::Slot;
use crate::syntax::mentions;

const EXAMPLE: &str = "write `struct Auth { #[otp(sender)] sender: ConsoleSender }`";

/// The user's struct, and the roles that attributes give its fields.
pub(crate) struct Item<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) sender: Option<FieldRole>,
    pub(crate) hooks: Option<FieldRole>,
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
        let mut item = Self { ident: &input.ident, generics: &input.generics, sender: None, hooks: None };
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
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("otp")) {
            for entry in &read_attribute(attribute, &FIELD, errors) {
                match entry.name {
                    "sender" => sender.put_value(entry, errors),
                    "hooks" => hooks.put_value(entry, errors),
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
        for (name, slot, place) in [("sender", &sender, &mut self.sender), ("hooks", &hooks, &mut self.hooks)] {
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
        _ => None,
    }
}

/// Rejects fields whose types threads cannot share, and `dyn` of traits that do not support it. The
/// error replaces the type, so that nothing else is reported about it.
pub(super) fn refuse_types(input: &mut DeriveInput) {
    let Data::Struct(data) = &mut input.data else { return };
    for field in &mut data.fields {
        let roles = field.attrs.iter().filter(|attribute| attribute.path().is_ident("otp"));
        let roles = roles.map(|attribute| attribute.meta.to_token_stream().to_string()).collect::<String>();
        let is_dyn = |name| mentions(&field.ty, "dyn") && mentions(&field.ty, name);
        let message = if let Some((name, instead)) = of_one_thread(&field.ty) {
            format!("threads share the configuration, but cannot share {name}: write `{instead}`")
        } else if roles.contains("sender") && is_dyn("SendOtp") {
            "`SendOtp` is not dyn-compatible: write `otp_auth::send::AnySender`".to_owned()
        } else if roles.contains("hooks") && is_dyn("Hooks") {
            "`Hooks` is not dyn-compatible: write the type that implements it".to_owned()
        } else {
            continue;
        };
        let error = mistake(&field.ty, message).into_compile_error();
        field.ty = parse_quote!([(); { #error }]);
    }
}

/// A standard library type that threads cannot share, and what to write instead. Covers only
/// certain cases: the type itself, or one inside a container of the standard library.
fn of_one_thread(ty: &Type) -> Option<(&'static str, &'static str)> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let of_std = path.path.segments.len() == 1 || path.path.segments.first()?.ident == "std";
    match &*segment.ident.to_string() {
        "Rc" if of_std => Some(("an `Rc`", "Arc")),
        "RefCell" if of_std => Some(("a `RefCell`", "Mutex")),
        "Cell" if of_std => Some(("a `Cell`", "Mutex")),
        "Option" | "Vec" | "Box" | "Arc" => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(inner) => of_one_thread(inner),
            _ => None,
        }),
        _ => None,
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
