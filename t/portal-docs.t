# SPDX-License-Identifier: Apache-2.0
# The documentation of the API is what the endpoints' CapabilityStatements say: each type, parameter and interaction;
# OpenAPI and the Postman collection, whose requests are answered as they say.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Portal;
use JSON::PP ();
use Test::More;

my $p = FHIR::Test::Portal->new;
my ($t, $w) = @$p{ qw(t world) };
my %base = (R4 => '/fhir/r4', DSTU2 => '/fhir/dstu2');
is($t->get('/portal/docs')->status, 200, 'the documentation is public');
like($t->get('/portal/docs')->body, qr{<a class="tag tag-core" href="[^"]*/docs/R4/Patient">}, "US Core's types first");
for my $release (sort keys %base) {
    my $statement = $t->get("$base{$release}/metadata")->json;
    my ($rest) = @{ $statement->{rest} };
    my $index = $t->get("/portal/docs/$release");
    my @types = sort map { $_->{type} } @{ $rest->{resource} };
    my @listed = sort $index->body =~ m{<a class="tag[^>]*/docs/$release/(\w+)">}g;
    is("@listed", "@types", "$release: all types of the statement");
    for my $resource (grep { $_->{type} =~ /^(?:Patient|Observation)$/ } @{ $rest->{resource} }) {
        my $body = $t->get("/portal/docs/$release/$resource->{type}")->body;
        my ($params) = $body =~ m{<tbody>(.*?)</tbody>}s;
        my @rows = $params =~ m{<tr><th scope="row"><code>([^<]+)</code></th><td>(\w+)</td>}g;
        is("@rows", join(' ', map { ($_->{name}, $_->{type}) } @{ $resource->{searchParam} }),
            "$release: parameters of $resource->{type}");
        like($body, qr/<code class="url">\Q$_->{code}\E</, "  $_->{code}") for @{ $resource->{interaction} };
    }
    my $open = $t->get("/portal/docs/$release/openapi.json")->json;
    is($open->{openapi}, '3.1.0', "$release: OpenAPI");
    is($open->{servers}[ 0 ]{url}, $t->url($base{$release}), '  of this server');
    my %paths = %{ $open->{paths} };
    is(join(' ', sort grep { !/metadata|\{/ } keys %paths), join(' ', map { "/$_" } @types), '  has all types');
    my %ids;
    $ids{ $_->{operationId} }++ for grep { ref eq 'HASH' } map { values %$_ } values %paths;
    is(join(' ', grep { $ids{$_} > 1 } sort keys %ids), '', '  each operation once');
    my $text = $t->get("/portal/docs/$release/openapi.json")->body;
    my %missing = map { $_ => 1 } grep { !defined node_at($open, $_) } $text =~ /"\$ref":"#([^"]+)"/g;
    is(join(' ', sort keys %missing), '', '  refers to what it has');
    my $collection = $t->get("/portal/docs/$release/postman.json")->json;
    like($collection->{info}{schema}, qr/v2\.1\.0/, "$release: Postman");
    my %value = map { ($_->{key} => $_->{value}) } @{ $collection->{variable} };
    is($value{base}, $t->url($base{$release}), '  with the base');
    my $token = $release eq 'R4' ? $w->backend('system/*.rs')->json->{access_token} : undef;
    next unless $token;
    my @failed;
    for my $item (@{ $collection->{item} }) {
        my $path = $item->{request}{url} =~ s/^\{\{base\}\}/$base{$release}/r;
        my $status = $t->get($path, bearer($token))->status;
        push @failed, "$path: $status" if $status != 200;
    }
    cmp_ok(scalar @{ $collection->{item} }, '>', 20, '  has requests');
    is("@failed", '', '  and each is answered 200, as its test says');
}
is($t->get('/portal/docs/R4/Nothing')->status, 404, 'no type');
is($t->get('/portal/docs/R5')->status, 404, 'no release');
is($t->get('/portal/docs/R4/openapi.json', 'If-None-Match' => $t->get('/portal/docs/R4/openapi.json')->header('ETag'))
        ->status, 304, '304 to who has it');

sub node_at {
    my ($node, $path) = @_;
    for my $name (grep { length } split m{/}, $path) { $node = ref $node eq 'HASH' ? $node->{$name} : undef }
    return $node;
}

$t->done;
