//! The rates of a world, as its file says them.

mod check;

use std::collections::BTreeMap;

use serde::Deserialize;

/// The file that is used where none is given.
pub const DEFAULT: &str = include_str!("world.toml");

/// A share of the CAs: a name with a weight each.
pub type Shares = BTreeMap<String, f64>;
/// The least and the most of what is drawn evenly.
pub type Span = [f64; 2];

macro_rules! table {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $field_doc:literal])+ $field:ident: $kind:ty,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $field_doc])+ pub $field: $kind,)+
        }
    };
}

table! {
    /// A world. The default file explains every field.
    World {
        /// How long it lasts.
        weeks: u32,
        /// What happens within it is submitted together.
        step_minutes: u32,
        /// First, middle and last words of companies.
        company_words: [Vec<String>; 3],
        /// How numbers come to be there, and when people are awake.
        population: Population,
        /// Where they are.
        countries: Vec<Country>,
        /// Who issues.
        authorities: Vec<Issuer>,
        /// What happens to a number.
        life: Life,
        /// What happens at Resolution Services.
        registrations: Presence,
        /// Service provider codes.
        carriers: Carriers,
        /// Blocks.
        ranges: Ranges,
        /// What is watched.
        watch: Watching,
        /// What goes wrong.
        attacks: Attacks,
    }
}

table! {
    /// How numbers come to be there, and when people are awake.
    Population {
        /// The share that had a credential before the log began.
        existing: f64,
        /// How long it takes to submit those.
        rollout_days: f64,
        /// Weights of the hours of a day.
        hours: [f64; 24],
        /// The weight of a day of the weekend.
        weekend: f64,
    }
}

table! {
    /// A country.
    Country {
        /// Its calling code.
        calling_code: u16,
        /// Its time.
        utc_offset_hours: i32,
        /// How many numbers get a credential.
        numbers: u32,
        /// What they look like: `x` for any digit.
        patterns: Vec<String>,
        /// What its blocks look like: `n` for each free digit, at the end.
        ranges: Vec<String>,
        /// Who issues there.
        authorities: Shares,
    }
}

/// How a CA finds out who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// By a text message to the number.
    Sms,
    /// By an account at the carrier.
    Account,
    /// The carrier asks.
    Carrier,
}

/// What a CA submits of each certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Logs {
    /// The certificate.
    Final,
    /// Its precertificate.
    Precertificate,
    /// One and then the other.
    Both,
}

table! {
    /// The habits of a CA.
    Issuer {
        /// Its name.
        name: String,
        /// How it finds out who asks.
        verifies_by: Verification,
        /// What it submits.
        logs: Logs,
        /// How long its certificates live.
        validity_days: u32,
        /// How long before their end they are renewed.
        renews_before_days: Span,
        /// The hour at which a machine renews.
        #[doc = "Without it, people do."]
        renewal_hour: Option<u32>,
    }
}

table! {
    /// What happens to a number.
    Life {
        /// The share of renewals with a new key.
        new_key: f64,
        /// The share of renewals that the old key approves.
        approved: f64,
        /// When it does.
        approval_hours: Span,
        /// The share of renewals after expiry.
        late: f64,
        /// How late those are.
        late_days: Span,
        /// Lost phones.
        lost_per_year: f64,
        /// The silence before the loss is made good.
        silent_days: Span,
        /// The share of those who then go to another CA.
        lost_other_authority: f64,
        /// Ports.
        ports_per_year: f64,
        /// The share of ports that the old key approves.
        port_approved: f64,
        /// Numbers given back.
        left_per_year: f64,
        /// When somebody else has such a number, after the credential ran out.
        new_holder_after_days: Span,
    }
}

table! {
    /// What happens at Resolution Services.
    Presence {
        /// The share of numbers that are registered.
        share: f64,
        /// When that begins, after the first credential.
        begins_after_days: Span,
        /// Names of services.
        services: Vec<String>,
        /// Names of Resolution Services.
        resolution_services: Vec<String>,
        /// How long a registration lives.
        validity_days: u32,
        /// When it is renewed.
        renews_after_days: Span,
        /// When the holder registers under a new credential.
        moves_after_hours: Span,
        /// The share of those that withdraw what stands under the old key.
        withdraws_old: f64,
        /// Registrations that are withdrawn for good.
        left_per_year: f64,
    }
}

table! {
    /// Service provider codes.
    Carriers {
        /// How many.
        count: u32,
        /// How long their certificates live.
        validity_days: u32,
        /// How long before their end they are renewed.
        renews_before_days: Span,
        /// The share of renewals with a new key.
        new_key: f64,
        /// The share with a second CA.
        two_authorities: f64,
        /// The share with a second spelling of the name.
        two_spellings: f64,
        /// Who issues for them.
        authorities: Shares,
    }
}

table! {
    /// Blocks.
    Ranges {
        /// How many are held.
        holders: u32,
        /// How long their certificates live.
        validity_days: u32,
        /// How long before their end they are renewed.
        renews_before_days: Span,
        /// The share of renewals with a new key.
        new_key: f64,
        /// Blocks that pass to another holder.
        moves_per_year: f64,
    }
}

table! {
    /// How many of each are watched.
    Watching {
        /// Numbers.
        numbers: u32,
        /// Blocks.
        ranges: u32,
        /// Service provider codes.
        carriers: u32,
    }
}

table! {
    /// What goes wrong.
    Attacks {
        /// The day before which nothing does.
        first_day: f64,
        /// The days at the end in which nothing new does.
        last_days: f64,
        /// How far inside its life a victim's credential is.
        well_inside_days: f64,
        /// Single reroutes.
        reroute: Reroutes,
        /// Many at a time.
        waves: Vec<Wave>,
        /// CAs that were not asked.
        rogue_issuer: RogueIssuers,
        /// Blocks.
        range_hijack: Counts,
        /// Registrations.
        registration_takeover: Takeovers,
    }
}

table! {
    /// Single reroutes.
    Reroutes {
        /// Of watched numbers.
        watched: u32,
        /// Of others.
        others: u32,
        /// The share at the victim's own CA.
        same_authority: f64,
        /// The share after which the attacker registers.
        registers: f64,
        /// When he does.
        register_hours: Span,
        /// The share that the victim disputes.
        disputed: f64,
        /// When he does.
        dispute_hours: Span,
    }
}

table! {
    /// A wave of reroutes.
    Wave {
        /// The country.
        calling_code: u16,
        /// The share of its numbers.
        share: f64,
        /// How long it takes.
        hours: f64,
        /// Whether all are issued by one CA.
        one_authority: bool,
        /// The share of victims for which the attacker registers.
        registers: f64,
    }
}

table! {
    /// CAs that were not asked.
    RogueIssuers {
        /// How many.
        authorities: u32,
        /// For how many numbers each.
        numbers: u32,
        /// In what time.
        hours: f64,
    }
}

table! {
    /// How many attacks of a kind.
    Counts {
        /// On what is watched.
        watched: u32,
        /// On what is not.
        others: u32,
    }
}

table! {
    /// Registrations that are taken over.
    Takeovers {
        /// Of watched numbers.
        watched: u32,
        /// Of others.
        others: u32,
        /// From the reroute to the registration.
        hours: Span,
    }
}

/// Why a file describes no world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Not TOML, an unknown or missing field, or a wrong type.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A figure that cannot be.
    #[error("{0}")]
    Figure(String),
}

impl World {
    /// Reads a file.
    ///
    /// # Errors
    /// [`WorldError`] says what to change.
    pub fn parse(text: &str) -> Result<Self, WorldError> {
        let world: World = toml::from_str(text)?;
        world.check()?;
        Ok(world)
    }

    /// How long it lasts, in seconds.
    pub fn seconds(&self) -> u64 {
        u64::from(self.weeks) * 7 * 86_400
    }

    /// How many numbers there are.
    pub fn numbers(&self) -> u32 {
        self.countries.iter().map(|country| country.numbers).sum()
    }

    /// The same world in which nothing goes wrong.
    pub fn without_attacks(mut self) -> Self {
        let attacks = &mut self.attacks;
        (attacks.reroute.watched, attacks.reroute.others) = (0, 0);
        attacks.waves.clear();
        attacks.rogue_issuer.authorities = 0;
        (attacks.range_hijack.watched, attacks.range_hijack.others) = (0, 0);
        (attacks.registration_takeover.watched, attacks.registration_takeover.others) = (0, 0);
        self
    }
}
