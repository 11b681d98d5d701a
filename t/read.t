#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Reading a resource: read, vread and conditional read, their headers, and what is not there.
# Source: http://hl7.org/fhir/R4/http.html#read, #vread, #cread
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new;
my $base = '/dev/r4/Patient';
my %patient = (resourceType => 'Patient', id => 'p1', birthDate => '1970-01-01');
$t->load(\%patient, { resourceType => 'Patient', id => 'p2' });
my $first = $t->get("$base/p1");
is($t->put("$base/p1", { %patient, birthDate => '1970-01-02' }, 'If-Match' => 'W/"1"')->status, 200,
    'a second version');
is($t->delete("$base/p2")->status, 204, 'a deletion');

# ---- read ----

is($first->status, 200, 'read');
is($first->header('Content-Type'), 'application/fhir+json; charset=utf-8', '  its type');
is($first->header('ETag'), 'W/"1"', '  its version');
like($first->header('Last-Modified'), qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, '  its time');
is($first->json->{birthDate}, '1970-01-01', '  its content');
is($first->json->{meta}{versionId}, '1', '  its version in meta');

my $second = $t->get("$base/p1");
is($second->json->{birthDate}, '1970-01-02', 'read returns the current version');
is($second->header('ETag'), 'W/"2"', '  and its number');
my $head = $t->head("$base/p1");
is($head->status, 200, 'HEAD');
is($head->body, '', '  has no body');
is($head->header($_), $second->header($_), "  and the same $_") for qw(Content-Type ETag Last-Modified);

# ---- vread ----

my $old = $t->get("$base/p1/_history/1");
is($old->body, $first->body, 'vread of an old version returns what read returned then');
is($old->header('ETag'), 'W/"1"', '  with its number');
is($t->get("$base/p1/_history/2")->body, $second->body, 'vread of the current version');
is($t->get("$base/p2/_history/1")->status, 200, 'a version from before the deletion');

# ---- conditional read ----

my ($is, $was) = ($second->header('Last-Modified'), 'Thu, 01 Jan 2015 00:00:00 GMT');
for (
    [ { 'If-None-Match' => 'W/"2"' } => 304, 'the current version' ],
    [ { 'If-None-Match' => 'W/"1"' } => 200, 'an old version' ],
    [ { 'If-None-Match' => 'W/"1", W/"2"' } => 304, 'a list that has the current version' ],
    [ { 'If-None-Match' => '*' } => 304, 'any version' ],
    [ { 'If-Modified-Since' => $is } => 304, 'not changed since' ],
    [ { 'If-Modified-Since' => $was } => 200, 'changed since' ],
    [ { 'If-Modified-Since' => 'yesterday' } => 200, 'a date that is not valid' ],
    [ { 'If-None-Match' => 'W/"1"', 'If-Modified-Since' => $is } => 200, 'If-None-Match counts more' ],
    )
{
    my ($headers, $status, $name) = @$_;
    my $response = $t->get("$base/p1", %$headers);
    is($response->status, $status, "conditional read: $name");
    is($response->body, $status == 304 ? '' : $second->body, '  and its body');
    is($response->header('ETag'), 'W/"2"', '  and its ETag');
}

# ---- what is not there ----

is_outcome($t->get("$base/none"), 404, 'not-found', qr{There is no Patient/none}, 'an id that never was');
my $gone = $t->get("$base/p2");
is_outcome($gone, 410, 'deleted', qr{Patient/p2 was deleted}, 'a resource that was deleted');
is($gone->header('ETag'), 'W/"2"', '  with the version of the deletion, which an update names');
is_outcome($t->get("$base/p2/_history/2"), 410, 'deleted', qr/deleted/, 'the version that is the deletion');
is_outcome($t->get("$base/p1/_history/$_"), 404, 'not-found', qr/no version \Q$_\E of/, "version $_")
    for qw(3 0 x 99999999999);
is_outcome($t->get('/dev/r4/Observation/p1'), 404, 'not-found', qr{Observation/p1}, 'an id of another type');
is_outcome($t->get('/dev/r4/Nothing/p1'), 404, 'not-supported', qr/Nothing/, 'an unknown type');
is_outcome($t->get('/dev/r4/patient/p1'), 404, 'not-found', qr/patient/, 'a type in lower case');
is($t->get("$base/$_")->status, 404, "no id: $_") for 'x' x 65, 'a_b', 'a%20b';

$t->done;
