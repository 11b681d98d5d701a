#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# history of an instance, a type and the system: order, deletions, _since, _at, pages.
use strict;
use warnings;
use FHIR::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t = FHIR::Test->new;
my $base = '/dev/r4';

sub patient { return { resourceType => 'Patient', @_ } }

# "METHOD type/id version" of each entry
sub lines {
    my ($response) = @_;
    return map {
        my ($v) = $_->{response}{etag} =~ /(\d+)/;
        "$_->{request}{method} $v"
    } @{ $response->json->{entry} || [] };
}

# All pages, each of n entries.
sub walk {
    my ($path, $n) = @_;
    my (@all, %seen);
    my $url = "$base/$path" . ($path =~ /\?/ ? '&' : '?') . "_count=$n";
    while ($url) {
        my $page = $t->get($url);
        return ("status " . $page->status . $page->body) if $page->status != 200;
        push @all, @{ $page->json->{entry} || [] };
        $url = $page->link('next');
    }
    return @all;
}

my $id = $t->post("$base/Patient", patient(gender => 'male'))->json->{id};
sleep 0.02;
my $two = $t->put("$base/Patient/$id", patient(id => $id, gender => 'female'),
    'If-Match' => 'W/"1"')->json->{meta}{lastUpdated};
sleep 0.02;
$t->delete("$base/Patient/$id");
my $other = $t->post("$base/Patient", patient(gender => 'other'))->json;
$t->post("$base/Organization", { resourceType => 'Organization', name => 'x' });

my $instance = $t->get("$base/Patient/$id/_history");
is_deeply [ lines($instance) ], [ 'DELETE 3', 'PUT 2', 'POST 1' ], 'versions, newest first';
is $instance->json->{type}, 'history', 'in a history Bundle';
is $instance->json->{total}, undef, 'without a count';
ok !exists $instance->json->{entry}[0]{resource}, 'a deletion has no resource';
is $instance->json->{entry}[1]{resource}{gender}, 'female', 'a version has its own';
is $instance->json->{entry}[1]{response}{lastModified}, $two, 'lastModified is lastUpdated';

is_deeply [ lines($t->get("$base/Patient/$id/_history?_since=$two")) ], [ 'DELETE 3', 'PUT 2' ],
    '_since is inclusive';
is_deeply [ lines($t->get("$base/Patient/$id/_history?_at=$two")) ], [ 'PUT 2' ],
    '_at an instant: the version current then';
is_deeply [ lines($t->get("$base/Patient/$id/_history?_at=1990")) ], [], '_at before it was';
is_outcome $t->get("$base/Patient/$id/_history?_at=soon"), 400, 'invalid', qr/_at/, 'a bad _at';
is_outcome $t->get("$base/Patient/$id/_history?_sort=x"), 400, 'not-supported', qr/_since/,
    'an unknown parameter';
is_outcome $t->get("$base/Patient/$id/_history?_count=$_"), 400, 'invalid', qr/_count/, "a bad _count: $_"
    for '0', '-1', '2x', '';
is scalar(lines($t->get("$base/Patient/$id/_history?_count=99999999999"))), 3,
    'a _count beyond all numbers is the most there is';
is_outcome $t->get("$base/Patient/none/_history"), 404, 'not-found', qr/none/, 'no such resource';

is_deeply [ lines($t->get("$base/Patient/_history")) ],
    [ 'POST 1', 'DELETE 3', 'PUT 2', 'POST 1' ], 'the history of a type';
is scalar(walk('_history', 100)), 5, 'the history of the system';
is_deeply [ map { $_->{fullUrl} . $_->{response}{etag} } walk('_history', 1) ],
    [ map { $_->{fullUrl} . $_->{response}{etag} } walk('_history', 100) ],
    'its pages hold each version once, in the same order';
my $next = $t->get("$base/Patient/_history?_count=1")->link('next');
is_outcome $t->get($next =~ s/Patient/Organization/r), 400, 'invalid', qr/./,
    'a page link of another history is refused';

# changes between two pages move nothing
my $first = $t->get("$base/Patient/_history?_count=2");
$t->put("$base/Patient/$other->{id}", patient(id => $other->{id}), 'If-Match' => 'W/"1"');
is_deeply [ lines($t->get($first->link('next'))) ], [ 'PUT 2', 'POST 1' ],
    'a page link is stable while others write';

$t->done;
