#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Binary as raw content and as a resource, in both directions.
use strict;
use warnings;
use FHIR::Test;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $t = FHIR::Test->new;
my $base = '/dev/r4';
my $bytes = join '', map { chr } 0 .. 255;

$t->post($base, { resourceType => 'Bundle', type => 'transaction', entry => [
        { request => { method => 'POST', url => 'Patient' }, resource => { resourceType => 'Patient' } } ] });
my ($patient) = $t->get("$base/Patient")->ids;

my $made = $t->post("$base/Binary", $bytes, 'Content-Type' => 'application/octet-stream',
    'X-Security-Context' => "Patient/$patient");
is $made->status, 201, 'raw content is stored' or diag $made->body;
is $made->json->{data}, encode_base64($bytes, ''), 'as data';
is $made->json->{contentType}, 'application/octet-stream', 'with its type';
is $made->json->{securityContext}{reference}, "Patient/$patient", 'and its security context';
my $id = $made->json->{id};

for my $accept ('*/*', 'application/octet-stream', 'image/png', 'text/html,*/*;q=0.8') {
    my $raw = $t->get("$base/Binary/$id", Accept => $accept);
    is $raw->status . ($raw->body eq $bytes), '2001', "Accept: $accept reads the content";
    is $raw->header('Content-Type'), 'application/octet-stream', 'with its type';
}
my $raw = $t->get("$base/Binary/$id");
is $raw->header('X-Security-Context'), "Patient/$patient", 'X-Security-Context is answered';
like $raw->header('Content-Security-Policy'), qr/sandbox/, 'the content cannot run as a page of ours';
is $raw->header('X-Content-Type-Options'), 'nosniff', 'nor as another type';
is $t->get("$base/Binary/$id", 'If-None-Match' => $raw->header('ETag'))->status, 304,
    'its entity tag is known';
for my $accept ('application/fhir+json', 'application/fhir+xml') {
    my $resource = $t->get("$base/Binary/$id", Accept => $accept);
    like $resource->header('Content-Type'), qr/\Q$accept/, "Accept: $accept reads the resource";
    isnt $resource->header('ETag'), $raw->header('ETag'), 'with another entity tag';
}
is $t->get("$base/Binary/$id?_format=json")->json->{resourceType}, 'Binary', '_format too';
is $t->get("$base/Binary/$id/_history/1")->body, $bytes, 'a version is answered the same way';
like $t->get("$base/Binary/$id/_history", Accept => 'text/html')->header('Content-Type'), qr{^text/html},
    'its history is a page like any other';

my $json = $t->post("$base/Binary", '{"a":1}', 'Content-Type' => 'application/json');
is $t->get("$base/Binary/" . $json->json->{id})->body, '{"a":1}', 'plain JSON is content';
my $resource = $t->post("$base/Binary", { resourceType => 'Binary', contentType => 'text/plain',
        data => encode_base64('hello', '') });
is $resource->status, 201, 'a Binary as a resource';
is $t->get("$base/Binary/" . $resource->json->{id})->body, 'hello', 'is read as content as well';

my $lines = $t->post("$base/Binary", { resourceType => 'Binary', contentType => 'application/octet-stream',
        data => encode_base64($bytes) });
is $t->get("$base/Binary/" . $lines->json->{id})->body, $bytes, 'base64 may be in lines';
my %split = (resourceType => 'Binary', contentType => "text/html\nX-Own: 1", data => 'aGk=',
    securityContext => { reference => "http://other/x\r\nX-Own:1" });
is_outcome $t->post("$base/Binary", \%split), 422, 'value', qr/white space/, 'values with line ends are refused';
$t->load({ %split, id => 'split' });
$raw = $t->get("$base/Binary/split");
is $raw->status, 200, 'those that were loaded are read';
is $raw->header('Content-Type'), 'application/octet-stream', 'but are no headers';
is $raw->header($_), undef, "$_ is not sent" for qw(X-Security-Context X-Own);

my $put = $t->put("$base/Binary/$id", 'new', 'Content-Type' => 'text/plain', 'If-Match' => 'W/"1"');
is $put->status, 200, 'raw content is updated' or diag $put->body;
is $t->get("$base/Binary/$id")->body, 'new', 'and read again';
is_outcome $t->get("$base/Binary/none"), 404, 'not-found', qr/none/, 'no such Binary';

$t->done;
