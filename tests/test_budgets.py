"""Each list page asks the database the same number of questions at 1 row and at 100 (DOMAIN §17)."""
