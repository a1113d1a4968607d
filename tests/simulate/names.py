"""greendc's names of figures, and those of the truth."""

OF_SITE = {
    "e_dc": "e_dc_kwh",
    "e_it_cat1": "e_it_cat1_kwh",
    "e_it_cat2": "e_it_cat2_kwh",
    "e_it_cat3": "e_it_cat3_kwh",
    "ipue_cat1": "pue_cat1",
    "ipue_cat2": "pue_cat2",
    "subsystem_cooling": "subsystem_cooling_kwh",
    "subsystem_reuse": "subsystem_reuse_kwh",
    "co2e_location": "co2e_location_kg",
    "e_reuse": "e_reuse_kwh",
    "erf": "erf",
}
OF_CATEGORY = {  # with E_IT of the best category that is metered
    "e_it": "e_it_cat{}_kwh",
    "ipue": "pue_cat{}",
    "pue": "pue_cat{}",  # what it is called of a whole year
    "ere": "ere_cat{}",
    "cue_location": "cue_location_cat{}",
    "ppue_cooling": "ppue_cooling_cat{}",
    "ppue_reuse": "ppue_reuse_cat{}",
}


def names(category: int) -> dict[str, str]:
    """greendc's name of a figure -> that of the truth."""
    return OF_SITE | {name: of.format(category) for name, of in OF_CATEGORY.items()}
