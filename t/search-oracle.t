#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Generated searches against a plain evaluator over all resources in memory, on HL7's examples and on
# sample patients. FHIR_TEST_QUERIES (default 20000) and FHIR_TEST_SEED choose others.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Node qw(node);
use FHIR::Test::System qw(run built write_file);
use Test::More;

my $definitions = source_dir() . '/../shared/fhir/r4';
plan skip_all => 'HL7\'s definitions are not beside the source tree' unless -d "$definitions/definitions";

my $queries = $ENV{FHIR_TEST_QUERIES} || 20_000;
my $seed    = $ENV{FHIR_TEST_SEED}    || 1;

my $t = FHIR::Test->new(processes => 2);
my $sample = run({}, built('fhirctl'), 'sample', '--patients', 2, '--seed', 7, '--as-of', '2026-01-01');
is $sample->{status}, 0, 'sample patients';
my $file = write_file(work_dir() . '/sample.ndjson', $sample->{out});
my $loaded = $t->fhirctl('load', '--rejects', work_dir() . '/rejects.ndjson', $file, "$definitions/pairs");
like $loaded->{out} . $loaded->{err}, qr/resources in/, 'are loaded beside HL7\'s examples';

my @tables = split /\n/, $t->psql(q{
    SELECT table_name FROM information_schema.columns
    WHERE table_schema = 'main' AND column_name = 'resource' AND table_name NOT LIKE '%\_history'
        AND table_name NOT LIKE '%\_contained'});
my $all = $t->psql(join ' UNION ALL ',
    map { "SELECT regexp_replace(resource, '[\\n\\r]+ *', ' ', 'g') FROM main.\"$_\"" } @tables);
my $resources = write_file(work_dir() . '/resources.ndjson', "$all\n");
cmp_ok scalar(() = $all =~ /\n/g), '>', 300, 'some hundred resources are searched';

my $done = node('search-oracle.js', $t->url('/dev/r4'), $resources, "$definitions/definitions", $seed,
    $queries);
is $done->{status}, 0, 'the server answers as the specification says'
    or diag $done->{out} . $done->{err};
like $done->{out}, qr/asked $queries, with hits \d{3,}, different 0/, 'on as many queries as are due'
    or diag $done->{out};

$t->done;
