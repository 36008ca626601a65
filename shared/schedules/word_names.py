"""The names of weekdays (from Monday) and months in some languages, as they stand in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

NAMES: Mapping[str, tuple[str, ...]] = {
    "de": (
        *("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli"),
        *("August", "September", "Oktober", "November", "Dezember"),
    ),
    "es": (
        *("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio"),
        *("agosto", "septiembre", "octubre", "noviembre", "diciembre"),
    ),
    "fr": (
        *("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        *("janvier", "février", "mars", "avril", "mai", "juin", "juillet"),
        *("août", "septembre", "octobre", "novembre", "décembre"),
    ),
    "it": (
        *("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
        *("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio"),
        *("agosto", "settembre", "ottobre", "novembre", "dicembre"),
    ),
    "nl": (
        *("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
        *("januari", "februari", "maart", "april", "mei", "juni", "juli"),
        *("augustus", "september", "oktober", "november", "december"),
    ),
    "pt": (
        *("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira"),
        *("sábado", "domingo"),
        *("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho"),
        *("agosto", "setembro", "outubro", "novembro", "dezembro"),
    ),
}
"""Of languages that are not here, what names a day or a month is told in English."""
