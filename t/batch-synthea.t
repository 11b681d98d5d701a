#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Whole patients as Synthea makes them go in by POST: transactions of up to a thousand entries,
# references by urn:uuid and by search, ifNoneExist.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(read_file);
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use JSON::PP ();
use Test::More;

my $data = source_dir() . '/../shared/fhir';
plan skip_all => 'Synthea\'s patients are not beside the source tree' unless -d "$data/synthea-r4";

my $t = FHIR::Test->new;

sub text {
    my ($path) = @_;
    return read_file($path) unless $path =~ /\.gz$/;
    gunzip($path => \my $json) or die "$path: $GunzipError";
    return $json;
}

# The Bundles with hospitals and practitioners, whose names begin with 0, come first.
my ($posted, $failed) = (0, 0);
for my $path (sort(glob "$data/synthea-r4-uscore/*.gz"), glob "$data/synthea-r4/*.json") {
    my $r = $t->post('/dev/r4', text($path), 'Content-Type' => 'application/fhir+json');
    my ($name) = $path =~ m{([^/]+)$};
    is $r->status, 200, $name or diag substr $r->body, 0, 400;
    my @entries = @{ $r->json->{entry} || [] };
    $posted += @entries;
    $failed += grep { $_->{response}{status} !~ /^20[01] / } @entries;
}
is $failed, 0, "each of $posted entries is stored or known";

my @types = split /\n/, $t->psql(q{
    SELECT table_name FROM information_schema.columns
    WHERE table_schema = 'main' AND column_name = 'resource' AND table_name NOT LIKE '%\_history'
        AND table_name NOT LIKE '%\_contained'});
my $stored = $t->psql(join ' UNION ALL ', map { "SELECT count(*) FROM main.\"$_\"" } @types);
my $sum = 0;
$sum += $_ for split /\n/, $stored;
cmp_ok $sum, '>', 0.9 * $posted, "$sum resources are stored";
is $t->psql(q{SELECT count(*) FROM main.observation WHERE resource LIKE '%"urn:uuid:%'}), 0,
    'no reference to a urn is left';
is $t->psql(q{
    SELECT count(*) FROM main.observation o
    WHERE NOT EXISTS (SELECT FROM main.patient p WHERE p.id = o.patient)}), 0,
    'each observation leads to its patient';

$t->done;
