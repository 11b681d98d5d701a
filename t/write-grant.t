# SPDX-License-Identifier: Apache-2.0
# Writes under grants that are bound to a patient: runs t/unit/write_grant, whose TAP this is.
use strict;
use warnings;
use FHIR::Test::Postgres;
use FHIR::Test::System qw(built);

my $cluster = FHIR::Test::Postgres::cluster();
my $database = $cluster->create_database;
my @valgrind = $ENV{FHIR_TEST_VALGRIND} ? qw(valgrind -q --error-exitcode=99) : ();
system(@valgrind, built('t/unit/write_grant'), $cluster->conninfo($database));
exit($? >> 8 || ($? ? 1 : 0));
