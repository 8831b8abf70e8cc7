//! Time zones by their IANA names, with the daylight saving time that they have today.
//!
//! Every zone of `zone.tab` and the commonest other names, as their rules stand in 2026 (a clock of before is not
//! asked for). Left out are zones that follow no rule for long: Morocco and Palestine, whose clocks go by Ramadan, and
//! Troll.

use crate::doc::Timestamp;

const DAY: i64 = 86_400;

/// Standard time in minutes ahead of UTC, the letter of a rule (`-` for none), and the names; after a comma follows
/// another of the same region.
const ZONES: &str = "
-660 - Pacific/Midway,Niue,Pago_Pago
-600 - HST Pacific/Honolulu,Rarotonga,Tahiti US/Hawaii
-600 A America/Adak
-570 - Pacific/Marquesas
-540 - Pacific/Gambier
-540 A America/Anchorage,Juneau,Metlakatla,Nome,Sitka,Yakutat US/Alaska
-480 - Pacific/Pitcairn
-480 A America/Los_Angeles,Tijuana,Vancouver Canada/Pacific PST8PDT US/Pacific
-420 - America/Creston,Dawson,Dawson_Creek,Fort_Nelson,Hermosillo,Mazatlan,Phoenix,Whitehorse MST US/Arizona
-420 A America/Boise,Cambridge_Bay,Ciudad_Juarez,Denver,Edmonton,Inuvik MST7MDT US/Mountain
-360 - America/Bahia_Banderas,Belize,Chihuahua,Costa_Rica,El_Salvador,Guatemala,Managua,Merida,Mexico_City,Monterrey,Regina,Swift_Current,Tegucigalpa Pacific/Galapagos
-360 A America/Chicago,Indiana/Knox,Indiana/Tell_City,Matamoros,Menominee,North_Dakota/Beulah,North_Dakota/Center,North_Dakota/New_Salem,Ojinaga,Rankin_Inlet,Resolute,Winnipeg CST6CDT US/Central
-360 L Pacific/Easter
-300 - America/Atikokan,Bogota,Cancun,Cayman,Eirunepe,Guayaquil,Jamaica,Lima,Panama,Rio_Branco EST,Jamaica
-300 A America/Detroit,Grand_Turk,Indiana/Indianapolis,Indiana/Marengo,Indiana/Petersburg,Indiana/Vevay,Indiana/Vincennes,Indiana/Winamac,Indianapolis,Iqaluit,Kentucky/Louisville,Kentucky/Monticello,Nassau,New_York,Port-au-Prince,Toronto Canada/Eastern EST5EDT US/Eastern
-300 C America/Havana Cuba
-240 - America/Anguilla,Antigua,Aruba,Barbados,Blanc-Sablon,Boa_Vista,Campo_Grande,Caracas,Cuiaba,Curacao,Dominica,Grenada,Guadeloupe,Guyana,Kralendijk,La_Paz,Lower_Princes,Manaus,Marigot,Martinique,Montserrat,Port_of_Spain,Porto_Velho,Puerto_Rico,Santo_Domingo,St_Barthelemy,St_Kitts,St_Lucia,St_Thomas,St_Vincent,Tortola
-240 A America/Glace_Bay,Goose_Bay,Halifax,Moncton,Thule Atlantic/Bermuda
-240 L America/Santiago
-210 A America/St_Johns
-180 - America/Araguaina,Argentina/Buenos_Aires,Argentina/Catamarca,Argentina/Cordoba,Argentina/Jujuy,Argentina/La_Rioja,Argentina/Mendoza,Argentina/Rio_Gallegos,Argentina/Salta,Argentina/San_Juan,Argentina/San_Luis,Argentina/Tucuman,Argentina/Ushuaia,Asuncion,Bahia,Belem,Buenos_Aires,Cayenne,Coyhaique,Fortaleza,Maceio,Montevideo,Paramaribo,Punta_Arenas,Recife,Santarem,Sao_Paulo Antarctica/Palmer,Rothera Atlantic/Stanley Brazil/East
-180 A America/Miquelon
-120 - America/Noronha Atlantic/South_Georgia
-120 E America/Nuuk,Scoresbysund
-60 - Atlantic/Cape_Verde
-60 E Atlantic/Azores
0 - Africa/Abidjan,Accra,Bamako,Banjul,Bissau,Conakry,Dakar,Freetown,Lome,Monrovia,Nouakchott,Ouagadougou,Sao_Tome America/Danmarkshavn Atlantic/Reykjavik,St_Helena Etc/GMT,UTC GMT,UTC,Universal,Zulu
0 E Atlantic/Canary,Faroe,Madeira Eire Europe/Dublin,Guernsey,Isle_of_Man,Jersey,Lisbon,London GB,Portugal,WET
60 - Africa/Algiers,Bangui,Brazzaville,Douala,Kinshasa,Lagos,Libreville,Luanda,Malabo,Ndjamena,Niamey,Porto-Novo,Tunis
60 E Africa/Ceuta Arctic/Longyearbyen CET Europe/Amsterdam,Andorra,Belgrade,Berlin,Bratislava,Brussels,Budapest,Busingen,Copenhagen,Gibraltar,Ljubljana,Luxembourg,Madrid,Malta,Monaco,Oslo,Paris,Podgorica,Prague,Rome,San_Marino,Sarajevo,Skopje,Stockholm,Tirane,Vaduz,Vatican,Vienna,Warsaw,Zagreb,Zurich MET
120 - Africa/Blantyre,Bujumbura,Gaborone,Harare,Johannesburg,Juba,Khartoum,Kigali,Lubumbashi,Lusaka,Maputo,Maseru,Mbabane,Tripoli,Windhoek Europe/Kaliningrad
120 B Asia/Beirut
120 E Asia/Famagusta,Nicosia EET Europe/Athens,Bucharest,Helsinki,Kiev,Kyiv,Mariehamn,Riga,Sofia,Tallinn,Vilnius
120 G Africa/Cairo Egypt
120 I Asia/Jerusalem Israel
120 M Europe/Chisinau
180 - Africa/Addis_Ababa,Asmara,Dar_es_Salaam,Djibouti,Kampala,Mogadishu,Nairobi Antarctica/Syowa Asia/Aden,Amman,Baghdad,Bahrain,Damascus,Kuwait,Qatar,Riyadh Europe/Istanbul,Kirov,Minsk,Moscow,Simferopol,Volgograd Indian/Antananarivo,Comoro,Mayotte Turkey
210 - Asia/Tehran Iran
240 - Asia/Baku,Dubai,Muscat,Tbilisi,Yerevan Europe/Astrakhan,Samara,Saratov,Ulyanovsk Indian/Mahe,Mauritius,Reunion
270 - Asia/Kabul
300 - Antarctica/Mawson,Vostok Asia/Almaty,Aqtau,Aqtobe,Ashgabat,Atyrau,Dushanbe,Karachi,Oral,Qostanay,Qyzylorda,Samarkand,Tashkent,Yekaterinburg Indian/Kerguelen,Maldives
330 - Asia/Calcutta,Colombo,Kolkata
345 - Asia/Kathmandu,Katmandu
360 - Asia/Bishkek,Dhaka,Omsk,Thimphu,Urumqi Indian/Chagos
390 - Asia/Rangoon,Yangon Indian/Cocos
420 - Antarctica/Davis Asia/Bangkok,Barnaul,Ho_Chi_Minh,Hovd,Jakarta,Krasnoyarsk,Novokuznetsk,Novosibirsk,Phnom_Penh,Pontianak,Saigon,Tomsk,Vientiane Indian/Christmas
480 - Antarctica/Casey Asia/Brunei,Hong_Kong,Irkutsk,Kuala_Lumpur,Kuching,Macau,Makassar,Manila,Shanghai,Singapore,Taipei,Ulaanbaatar Australia/Perth Hongkong,PRC,Singapore
525 - Australia/Eucla
540 - Asia/Chita,Dili,Jayapura,Khandyga,Pyongyang,Seoul,Tokyo,Yakutsk Japan Pacific/Palau ROK
570 - Australia/Darwin
570 S Australia/Adelaide,Broken_Hill
600 - Antarctica/DumontDUrville Asia/Ust-Nera,Vladivostok Australia/Brisbane,Lindeman Pacific/Chuuk,Guam,Port_Moresby,Saipan
600 S Antarctica/Macquarie Australia/ACT,Hobart,Melbourne,NSW,Sydney
630 H Australia/Lord_Howe
660 - Asia/Magadan,Sakhalin,Srednekolymsk Pacific/Bougainville,Efate,Guadalcanal,Kosrae,Noumea,Pohnpei
660 S Pacific/Norfolk
720 - Asia/Anadyr,Kamchatka Pacific/Fiji,Funafuti,Kwajalein,Majuro,Nauru,Tarawa,Wake,Wallis
720 Z Antarctica/McMurdo NZ Pacific/Auckland
765 Z Pacific/Chatham
780 - Pacific/Apia,Fakaofo,Kanton,Tongatapu
840 - Pacific/Kiritimati
";

/// When summer begins and ends.
struct Rule {
    /// Month, day of the week (0 is Sunday) on or after which day, minute of that day.
    begin: (i64, i64, i64, i64),
    end: (i64, i64, i64, i64),
    /// Minutes that clocks are put forward.
    by: i64,
    /// Whether the minutes are of UTC; otherwise of the zone's standard time.
    utc: bool,
}

const RULES: &[(&str, Rule)] = &[
    ("A", Rule { begin: (3, 0, 8, 120), end: (11, 0, 1, 60), by: 60, utc: false }),
    ("B", Rule { begin: (3, 0, 25, 0), end: (10, 0, 25, -60), by: 60, utc: false }),
    ("C", Rule { begin: (3, 0, 8, 0), end: (11, 0, 1, 0), by: 60, utc: false }),
    ("E", Rule { begin: (3, 0, 25, 60), end: (10, 0, 25, 60), by: 60, utc: true }),
    ("G", Rule { begin: (4, 5, 24, 0), end: (10, 4, 25, 1380), by: 60, utc: false }),
    ("H", Rule { begin: (10, 0, 1, 120), end: (4, 0, 1, 90), by: 30, utc: false }),
    ("I", Rule { begin: (3, 5, 23, 120), end: (10, 0, 25, 60), by: 60, utc: false }),
    ("L", Rule { begin: (9, 0, 2, 240), end: (4, 0, 2, 180), by: 60, utc: true }),
    ("M", Rule { begin: (3, 0, 25, 120), end: (10, 0, 25, 120), by: 60, utc: false }),
    ("S", Rule { begin: (10, 0, 1, 120), end: (4, 0, 1, 120), by: 60, utc: false }),
    ("Z", Rule { begin: (9, 0, 24, -600), end: (4, 0, 1, -600), by: 60, utc: true }),
];

/// A time zone.
#[derive(Clone, Copy)]
pub struct Zone {
    standard: i64,
    rule: Option<&'static Rule>,
}

impl Zone {
    /// The zone called `name`; UTC for an empty name.
    pub fn named(name: &str) -> Option<Zone> {
        if name.is_empty() {
            return Some(Zone { standard: 0, rule: None });
        }
        if let Some(hours) = name.strip_prefix("Etc/GMT").and_then(|hours| hours.parse::<i64>().ok()) {
            // The sign is the other way round there.
            return (-14..=12).contains(&hours).then_some(Zone { standard: -hours * 3600, rule: None });
        }
        let line = ZONES.lines().find(|line| line.split(' ').skip(2).any(|names| has(names, name)))?;
        let mut words = line.split(' ');
        let standard = 60 * words.next()?.parse::<i64>().ok()?;
        let letter = words.next()?;
        let rule = RULES.iter().find(|(of, _)| *of == letter).map(|(_, rule)| rule);
        Some(Zone { standard, rule })
    }

    /// Seconds that its clocks are ahead of UTC at a moment, and when they change next; both in seconds.
    pub fn at(&self, moment: i64) -> (i64, Option<i64>) {
        let Some(rule) = self.rule else { return (self.standard, None) };
        let (year, ..) = Timestamp::from_millis((moment + self.standard) * 1000).date();
        let mut changes: Vec<(i64, bool)> = Vec::new();
        for year in year - 1..=year + 1 {
            changes.push((self.change(rule, year, rule.begin), true));
            changes.push((self.change(rule, year, rule.end), false));
        }
        let last = changes.iter().filter(|(at, _)| *at <= moment).max();
        let next = changes.iter().map(|(at, _)| *at).filter(|at| *at > moment).min();
        let summer = last.is_some_and(|(_, summer)| *summer);
        (self.standard + if summer { rule.by * 60 } else { 0 }, next)
    }

    fn change(&self, rule: &Rule, year: i64, (month, weekday, from, minute): (i64, i64, i64, i64)) -> i64 {
        let first = days_until(year, month, from);
        // 1970-01-01 was a Thursday.
        let day = first + (weekday - (first + 4)).rem_euclid(7);
        day * DAY + minute * 60 - if rule.utc { 0 } else { self.standard }
    }
}

fn has(names: &str, name: &str) -> bool {
    let mut cities = names.split(',');
    let first = cities.next().unwrap_or("");
    let (region, _) = first.split_once('/').unwrap_or(("", first));
    let city = match region {
        "" => Some(name),
        region => name.strip_prefix(region).and_then(|rest| rest.strip_prefix('/')),
    };
    first == name || city.is_some_and(|city| cities.any(|other| other == city))
}

/// Days from 1970-01-01 to a date.
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let date = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
    Timestamp::parse(&date).map_or(0, |date| date.seconds().div_euclid(DAY))
}

#[cfg(test)]
mod tests {
    use super::Zone;
    use crate::doc::Timestamp;

    #[test]
    fn clocks_are_put_forward_and_back() {
        let cases = [
            ("", "2026-07-01T00:00:00Z", 0),
            ("Asia/Tokyo", "2026-07-01T00:00:00Z", 540),
            ("Etc/GMT-9", "2026-07-01T00:00:00Z", 540),
            ("Asia/Kolkata", "2026-07-01T00:00:00Z", 330),
            ("Europe/Berlin", "2026-03-29T00:59:59Z", 60),
            ("Europe/Berlin", "2026-03-29T01:00:00Z", 120),
            ("Europe/Berlin", "2026-10-25T00:59:59Z", 120),
            ("Europe/Berlin", "2026-10-25T01:00:00Z", 60),
            ("Europe/London", "2027-06-01T00:00:00Z", 60),
            ("America/New_York", "2026-03-08T06:59:59Z", -300),
            ("America/New_York", "2026-03-08T07:00:00Z", -240),
            ("America/New_York", "2026-11-01T06:00:00Z", -300),
            ("US/Pacific", "2026-12-31T23:59:59Z", -480),
            ("America/St_Johns", "2026-06-01T00:00:00Z", -150),
            ("Australia/Sydney", "2026-01-01T00:00:00Z", 660),
            ("Australia/Sydney", "2026-04-04T16:00:00Z", 600),
            ("Australia/Lord_Howe", "2026-10-03T15:30:00Z", 660),
            ("Pacific/Auckland", "2026-09-26T13:59:59Z", 720),
            ("Pacific/Chatham", "2026-09-26T14:00:00Z", 825),
            ("America/Santiago", "2026-09-06T04:00:00Z", -180),
            ("Africa/Cairo", "2026-10-29T21:00:00Z", 120),
        ];
        for (name, moment, minutes) in cases {
            let zone = Zone::named(name).unwrap_or_else(|| panic!("{name} is known"));
            let moment = Timestamp::parse(moment).unwrap();
            assert_eq!(zone.at(moment.seconds()).0, minutes * 60, "{name} {}", moment.rfc3339());
        }
        for name in ["Moon/Base", "Europe", "Berlin", "europe/berlin", "-", "60"] {
            assert!(Zone::named(name).is_none(), "{name}");
        }
    }
}
