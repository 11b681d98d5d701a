#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Pages of a search, their links there and back, and page links that were altered.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Pages qw(pages_hold);
use FHIR::Test::Practice qw(practice);
use Test::More;

my $t = FHIR::Test->new;
$t->load(practice());

# ---- of one type ----
pages_hold($t, "Observation?$_", 3)
    for 'patient=p1', 'patient=p1&_sort=date', 'patient=p1&_sort=-date', '_sort=code,-_id', 'status=final';
my $next = $t->get('/dev/r4/Observation?patient=p1&_count=2')->link('next');
unlike($next, qr/2024/, 'a page link does not show its key');
is_outcome($t->get($next =~ s/p1/p2/r), 400, 'invalid', qr/page link/, 'a link of another search');
is_outcome($t->get($next =~ s/(_cursor=.{6})(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/er), 400, 'invalid', qr/page link/,
    'an altered link');
is_outcome($t->get("$next&_elements=status"), 400, 'invalid', qr/page link/, 'a link with something added');
is($t->get("$next&_format=xml&_pretty=true")->status, 200, 'but a page may be had in another format');
like($t->get($next, Accept => 'text/html')->body, qr/_cursor=[^"]*&amp;_format=json/, '  as its HTML offers');
my $before = $t->get($next)->found;
$t->load({ %{ (practice())[4] }, id => 'new', effectiveDateTime => '2024-02-01T00:00:00Z' });
is($t->get($next)->found, $before, 'what is written meanwhile does not move a page');

# ---- of several types, there and back ----
for my $search ('?_type=Observation,Patient,Practitioner,Provenance,Device',
    'Patient/p1/*?_type=Patient,Observation,Provenance')
{
    pages_hold($t, $search, $_) for 1, 3, 7;
}

$t->done;
