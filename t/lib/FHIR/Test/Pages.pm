# SPDX-License-Identifier: Apache-2.0
# Walks through the pages of a search, there and back.
package FHIR::Test::Pages;

use strict;
use warnings;
use Exporter 'import';
use Test::More;

our @EXPORT_OK = qw(matches pages_hold);

# The matches of a page as Type/id, joined by blanks.
sub matches {
    my ($response) = @_;
    return join ' ', map { $_->{fullUrl} =~ s{^.*/dev/r4/}{}r }
        grep { $_->{search}{mode} eq 'match' } @{ $response->json->{entry} || [] };
}

# Do the pages of $count join to the whole, and do their links lead back through the same pages?
# Returns the whole.
sub pages_hold {
    my ($t, $search, $count) = @_;
    my $all = matches($t->get("/dev/r4/$search&_count=1000"));
    my $page = $t->get("/dev/r4/$search&_count=$count");
    my @pages;
    while (1) {
        push @pages, matches($page);
        my $next = $page->link('next') or last;
        $page = $t->get($next);
        last if @pages > 100;
    }
    is("@pages", $all, "$search: pages of $count are the whole");
    for my $n (reverse 0 .. $#pages - 1) {
        $page = $t->get($page->link('previous'));
        is(matches($page), $pages[$n], "  back to page $n") or return $all;
    }
    is($page->link('previous'), undef, '  nothing is before the first');
    is(matches($t->get($page->link('next'))), $pages[1], '  and forward again') if @pages > 1;
    return $all;
}

1;
