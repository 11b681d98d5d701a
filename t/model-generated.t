#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The committed tables, DDL and lists are what tools/fhirgen makes of HL7's definitions.
use strict;
use warnings;
use FHIR::Test::System qw(read_file source_dir work_dir);
use Test::More;

my $source = source_dir();
my $fhir   = "$source/../shared/fhir";
plan skip_all => 'HL7\'s definitions are not beside the source tree' unless -d $fhir;
plan skip_all => 'the generator needs python3' if system 'python3 -c "" 2>/dev/null';

my @FILES = qw(
    docs/search-parameters-uncompiled.md
    mod_fhir/model/fhir_model_dstu2.c
    mod_fhir/model/fhir_model_r4.c
    mod_fhir/model/fhir_profiles_r4.c
    mod_fhir/model/fhir_short_table.h
    mod_fhir/model/fhir_uscore_r4.c
    sql/001-r4-tables.sql
    sql/practice.sql
    t/us-core.tsv
);
my $out = work_dir() . '/generated';
# A hash seed of its own in each run: the order of Python's sets must not reach the output.
local $ENV{PYTHONDONTWRITEBYTECODE} = 1;
is(system('python3', "$source/tools/fhirgen/fhirgen.py", '--fhir', $fhir, '--out', $out), 0, 'runs');
for my $file (@FILES) {
    my ($made, $committed) = map { -e "$_/$file" ? read_file("$_/$file") : '' } $out, $source;
    ok($made ne '' && $made eq $committed, "$file is what the generator writes")
        or diag "run tools/fhirgen/fhirgen.py --fhir $fhir --out $source";
}
my @made = map { s/^\Q$out\E\///r } grep { -f } glob "$out/*/* $out/*/*/*";
is("@{[ sort @made ]}", "@FILES", 'it writes no other files');

done_testing;
